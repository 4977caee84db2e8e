//! Modules that the nginx at hand does not have: not built in, or built to be loaded and not loaded.
//!
//! Source: auto/options and auto/modules of nginx

use crate::catalog::Entry;
use crate::config::Config;

/// Modules that are only there when the build asks for them: the beginning of their names, the option that builds them
/// in, and the file that can be loaded instead.
const OPTIONAL: &[(&str, &str, &str)] = &[
    ("ngx_google_perftools_module", "--with-google_perftools_module", ""),
    ("ngx_http_addition_filter_module", "--with-http_addition_module", ""),
    ("ngx_http_auth_request_module", "--with-http_auth_request_module", ""),
    ("ngx_http_dav_module", "--with-http_dav_module", ""),
    ("ngx_http_degradation_module", "--with-http_degradation_module", ""),
    ("ngx_http_flv_module", "--with-http_flv_module", ""),
    ("ngx_http_geoip_module", "--with-http_geoip_module", "ngx_http_geoip_module.so"),
    ("ngx_http_gunzip_filter_module", "--with-http_gunzip_module", ""),
    ("ngx_http_gzip_static_module", "--with-http_gzip_static_module", ""),
    ("ngx_http_image_filter_module", "--with-http_image_filter_module", "ngx_http_image_filter_module.so"),
    ("ngx_http_mp4_module", "--with-http_mp4_module", ""),
    ("ngx_http_perl_module", "--with-http_perl_module", "ngx_http_perl_module.so"),
    ("ngx_http_random_index_module", "--with-http_random_index_module", ""),
    ("ngx_http_realip_module", "--with-http_realip_module", ""),
    ("ngx_http_secure_link_module", "--with-http_secure_link_module", ""),
    ("ngx_http_slice_filter_module", "--with-http_slice_module", ""),
    ("ngx_http_ssl_module", "--with-http_ssl_module", ""),
    ("ngx_http_stub_status_module", "--with-http_stub_status_module", ""),
    ("ngx_http_sub_filter_module", "--with-http_sub_module", ""),
    ("ngx_http_v2_module", "--with-http_v2_module", ""),
    ("ngx_http_v3_module", "--with-http_v3_module", ""),
    ("ngx_http_xslt_filter_module", "--with-http_xslt_module", "ngx_http_xslt_filter_module.so"),
    ("ngx_mail_realip_module", "--with-mail", "ngx_mail_module.so"),
    ("ngx_mail_ssl_module", "--with-mail_ssl_module", ""),
    ("ngx_mail", "--with-mail", "ngx_mail_module.so"),
    ("ngx_stream_geoip_module", "--with-stream_geoip_module", "ngx_stream_geoip_module.so"),
    ("ngx_stream_realip_module", "--with-stream_realip_module", ""),
    ("ngx_stream_ssl_module", "--with-stream_ssl_module", ""),
    ("ngx_stream_ssl_preread_module", "--with-stream_ssl_preread_module", ""),
    ("ngx_stream", "--with-stream", "ngx_stream_module.so"),
    ("ngx_thread_pool", "--with-threads", ""),
];

/// The modules that the nginx at hand has, as far as `nginx -V` was told.
#[derive(Debug, Default)]
pub(crate) struct Modules {
    /// Those that it surely lacks, as they begin.
    lacking: Vec<&'static str>,
}

impl Modules {
    pub(super) fn of(config: &Config) -> Modules {
        let Some(configure) = &config.settings().configure else { return Modules::default() };
        let loads = |file: &str| {
            let mut loaded = config.root().find("load_module").filter_map(|node| node.arg_str(0));
            !file.is_empty() && loaded.any(|path| path.rsplit('/').next() == Some(file))
        };
        let lacks = |(_, option, file): &&(&str, &str, &str)| {
            let built_in = configure.split_whitespace().any(|word| word == *option);
            !built_in && !loads(file)
        };
        Modules { lacking: OPTIONAL.iter().filter(lacks).map(|(module, ..)| *module).collect() }
    }

    /// Whether the module of an entry is surely not there.
    pub(super) fn lacks(&self, entry: &Entry) -> bool {
        !self.lacking.is_empty() && !entry.is_third_party() && {
            let module = entry.module();
            let table = OPTIONAL.iter().find(|(known, ..)| module.starts_with(known));
            table.is_some_and(|(known, ..)| self.lacking.contains(known))
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Answer, Catalog, Files, Settings, Want, load, validate};

    fn codes(configure: &str, text: &str) -> Vec<&'static str> {
        let mut settings = Settings::new(*b"/etc/nginx/nginx.conf");
        settings.learn(&format!("nginx version: nginx/1.22.1\nconfigure arguments: {configure}"));
        let mut files = Files::new();
        files.supply(Want::Bytes(settings.main.clone()), Answer::Bytes(text.as_bytes().into()));
        files.supply(Want::Presence(b"/usr/share/nginx/ngx_stream_module.so".to_vec()), Answer::Present);
        let config = load(&settings, &mut files).unwrap();
        validate(&config, &Catalog::for_version(settings.version))
            .iter()
            .map(|problem| problem.code)
            .collect()
    }

    #[test]
    fn module_must_be_built_in_or_loaded() {
        let stream = "events { } stream { }";
        assert_eq!(codes("--with-stream_ssl_module --with-stream", stream), [""; 0]);
        assert_eq!(codes("--with-stream_ssl_module --with-stream=dynamic", stream), ["unknown-directive"]);
        assert_eq!(codes("--with-http_ssl_module", stream), ["unknown-directive"]);
        let loaded = format!("load_module ngx_stream_module.so; {stream}");
        assert_eq!(codes("--with-stream=dynamic", &loaded), [""; 0]);
    }
}
