//! Live routes over https: asked by address, with the name that users ask for, before and after a change.

mod support;

use support::Host;

/// A host that serves https for shop.test, with a certificate that no machine trusts.
fn host() -> Host {
    let host = Host::new();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate =
        rcgen::CertificateParams::new(vec!["shop.test".to_owned()]).unwrap().self_signed(&key).unwrap();
    host.write("tls/shop.pem", &certificate.pem());
    host.write("tls/shop.key", &key.serialize_pem());
    let (dir, port, app) = (host.path("tls"), host.port, host.app.port);
    let dir = dir.display();
    host.write(
        "etc/sites/shop.conf",
        &format!(
            "server {{\n    listen 127.0.0.1:{port} ssl default_server;\n    ssl_certificate {dir}/shop.pem;\n    \
             ssl_certificate_key {dir}/shop.key;\n    return 421;\n}}\nserver {{\n    listen 127.0.0.1:{port} ssl;\n    \
             server_name shop.test;\n    ssl_certificate {dir}/shop.pem;\n    ssl_certificate_key {dir}/shop.key;\n    \
             location / {{ proxy_pass http://127.0.0.1:{app}; }}\n    location = /name {{ return 200 \
             \"$ssl_server_name $host one\"; }}\n}}\n"
        ),
    );
    host.write(
        "etc/routes.toml",
        &format!(
            "[[route]]\nname = \"shop answers\"\nrequest = \"GET https://shop.test:{port}/\"\nlive = {{ status = 200, contains = \
             \"shop\" }}\n\n[[route]]\nname = \"by name\"\nrequest = \"GET https://shop.test:{port}/name\"\nlive = {{ status = 200, \
             contains = \"shop.test shop.test\" }}\n"
        ),
    );
    host.start_nginx();
    host.run(&["adopt"]).ends(0);
    host
}

#[test]
fn live_routes_over_tls_are_asked_with_the_name_of_the_url() {
    let host = host();
    host.propose().replace("sites/shop.conf", "$host one", "$host two");
    let ran = host.apply(&[]).ends(0);
    assert!(!ran.said().contains("not asked"), "{ran:?}");
    let shown = host.run(&["show", "r1", "--json"]).ends(0).json();
    let routes = shown["routes"].as_array().unwrap();
    for name in ["shop answers", "by name"] {
        for phase in ["before", "after"] {
            let answered = routes.iter().any(|it| {
                it["route"] == name
                    && it["phase"] == phase
                    && it["answer"].as_str().unwrap().starts_with("200 in ")
            });
            assert!(answered, "{name} {phase}: {shown:#}");
        }
    }
    assert!(routes.iter().all(|it| it["wrong"] == 0), "{shown:#}");
}

#[test]
fn change_that_breaks_a_route_over_tls_is_taken_back() {
    let host = host();
    host.propose().replace(
        "sites/shop.conf",
        "return 200 \"$ssl_server_name",
        "return 500 \"$ssl_server_name",
    );
    // Without the rehearsal, which sees it first.
    let before = host.tree();
    let ran = host.apply(&[]);
    assert_ne!(ran.code, 0, "{ran:?}");
    assert!(ran.said().contains("by name") && ran.said().contains("500"), "{ran:?}");
    assert!(ran.says("rolled back").out.contains("new workers serve the old configuration again"));
    assert_eq!(host.tree(), before);
}
