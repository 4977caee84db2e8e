use evenkeel_model::Message::{AccessForbidden, DirectoryForbidden, InvalidUrlPrefix, NoNamedLocation, OpenFailed, RewriteCycle, UpstreamUrlInvalid};

use crate::Fact::{
    All, AnswersAll, AnswersElsewhere, Any, ByDefault, ByWildcard, CachedCookie, DirectStatus, DirectUp, HeadersDropped, Not, NotProxied, NotUpgraded, OtherFile, OwnStatus, PageForAsset, Probe,
    RedirectsAway, RedirectsNowhere, RedirectsToHttps, RedirectsToItself, Returns, ReturnsRedirect, RouteMoved, Said, SaidErrno, Status,
    UpgradeDropped, UpstreamStatus, WantsPassword,
};
use crate::evidence::ChangeKind::{Application, Edit, Package, Release};
use crate::row::Shape::{Class, Status as Got};
use crate::row::{PLAIN, Row};

const REDIRECTS: &[crate::row::Shape] = &[Got(301), Got(302), Got(303), Got(307), Got(308), Class("content")];

pub(super) const ROWS: &[Row] = &[
    Row {
        id: "index-missing",
        says: "the directory {0} has no index, and may not be listed",
        seen: &[Got(403)],
        shows: &[Said(DirectoryForbidden)],
        changes: &[Release, Edit, Application],
        check: "root, index and try_files of the location; whether the files are deployed",
        fix: "put the files, or root and try_files, back",
        ..PLAIN
    },
    Row {
        id: "file-not-readable",
        says: "nginx may not read {0}",
        seen: &[Got(403)],
        shows: &[SaidErrno(OpenFailed, &[13])],
        changes: &[Application, Release, Package],
        check: "namei -l PATH: a directory without x for the user of the workers; then SELinux or AppArmor",
        fix: "give the user of the workers what is missing",
        ..PLAIN
    },
    Row {
        id: "file-missing",
        says: "nginx looks for {0}, and there is no such file",
        seen: &[Got(404)],
        shows: &[SaidErrno(OpenFailed, &[2, 20]), Status(404)],
        doubts: &[UpstreamStatus(404), DirectUp, All(&[AnswersElsewhere, Not(&AnswersAll)])],
        changes: &[Release, Edit, Application],
        check: "root or alias against where the files are",
        fix: "mend root or alias, or deploy the files",
        ..PLAIN
    },
    Row {
        id: "no-location-for-route",
        says: "the application at {elsewhere} has this path, and no location sends it there",
        seen: &[Got(404), Got(403), Got(405)],
        shows: &[Any(&[Status(404), Status(403), Status(405)]), NotProxied, AnswersElsewhere],
        // Where nginx says why it refuses the request, that is why.
        excludes: &[Said(AccessForbidden), SaidErrno(OpenFailed, &[13]), Returns(403), Returns(405), WantsPassword],
        doubts: &[AnswersAll],
        changes: &[Application, Release, Edit],
        follows: &[],
        check: "evenkeel route URL: the location that takes it; whether the application's release came with a configuration",
        fix: "ship the location with the application",
        ..PLAIN
    },
    Row {
        id: "configuration-says-404",
        says: "the configuration itself answers 404",
        seen: &[Got(404)],
        shows: &[Any(&[OwnStatus(404), Returns(404)])],
        settles: &[Returns(404)],
        excludes: &[SaidErrno(OpenFailed, &[2, 20]), UpstreamStatus(404)],
        changes: &[Release, Edit, Application],
        check: "evenkeel route URL: the location that takes it",
        fix: "add the location that is missing",
        ..PLAIN
    },
    Row {
        id: "configuration-says-so",
        says: "the configuration itself answers so, whatever else is well",
        seen: &[Got(400), Got(401), Got(403), Got(405), Got(410), Got(429), Got(500), Got(502), Got(503), Got(504)],
        shows: &[Any(&[
            All(&[Status(400), Returns(400)]), All(&[Status(401), Returns(401)]), All(&[Status(403), Returns(403)]),
            All(&[Status(405), Returns(405)]), All(&[Status(410), Returns(410)]), All(&[Status(429), Returns(429)]),
            All(&[Status(500), Returns(500)]), All(&[Status(502), Returns(502)]), All(&[Status(503), Returns(503)]),
            All(&[Status(504), Returns(504)]),
        ])],
        changes: &[Release, Edit, Package],
        check: "evenkeel route URL: the return that it meets, and since when that stands there",
        fix: "take the return out when its time is over",
        ..PLAIN
    },
    Row {
        id: "application-says-404",
        says: "the application itself answers 404: it has no such path, or gets another path than it expects",
        seen: &[Got(404)],
        shows: &[UpstreamStatus(404)],
        changes: &[Release, Edit, Application],
        check: "the path in the log of the application: proxy_pass with a URI strips the prefix, without one it does not",
        fix: "put the slash of proxy_pass back, or mend the application",
        ..PLAIN
    },
    Row {
        id: "application-fails-itself",
        says: "the application itself answers with an error",
        seen: &[Got(500), Got(502), Got(503), Got(504), Got(403), Got(429), Got(401), Got(400)],
        shows: &[Any(&[
            UpstreamStatus(500), UpstreamStatus(503), UpstreamStatus(403), UpstreamStatus(429), UpstreamStatus(401), UpstreamStatus(400),
            // The log has 502 and 504 also where nginx made them (`$upstream_status`).
            All(&[Status(502), DirectStatus(502)]), All(&[Status(504), DirectStatus(504)]),
        ])],
        excludes: &[crate::Fact::AnswersTls, All(&[NotUpgraded, UpgradeDropped, DirectUp])],
        changes: &[Application, Release],
        check: "the log of the application",
        fix: "mend or take back the application",
        ..PLAIN
    },
    Row {
        id: "default-server-answers",
        says: "no server block has the name, and the default one answers: {server}",
        seen: &[Got(404), Got(403), Got(301), Got(302), Class("content")],
        shows: &[ByDefault],
        settles: &[Probe("content")],
        excludes: &[Returns(444)],
        changes: &[Release, Edit, Package],
        check: "whether the file of the site is still included: ls -l sites-enabled",
        fix: "link the site again, or add the name",
        ..PLAIN
    },
    Row {
        id: "redirect-to-itself",
        says: "{url} redirects to itself: nginx or the application takes the request for plain HTTP, or a redirect became the default server",
        seen: REDIRECTS,
        shows: &[RedirectsToItself],
        changes: &[Release, Edit, Package],
        check: "which server block answers; X-Forwarded-Proto and the list of trusted proxies",
        fix: "say default_server explicitly; trust the balancer again",
        ..PLAIN
    },
    Row {
        id: "redirect-to-no-host",
        says: "{url} redirects to a host that does not exist: host and path ran into each other, or the name is wrong",
        seen: REDIRECTS,
        shows: &[RedirectsNowhere],
        changes: &[Release, Edit, Application],
        check: "the rewrite or return that makes the address: a slash between host and path",
        fix: "put the slash back, or mend the name",
        ..PLAIN
    },
    Row {
        id: "redirected-to-https",
        says: "the configuration redirects every plain request to https, those of clients too that do not follow",
        seen: REDIRECTS,
        shows: &[RedirectsToHttps],
        settles: &[ReturnsRedirect],
        changes: &[Release, Edit],
        check: "the return or rewrite in the last change: the condition that it lost",
        fix: "leave internal clients out of the redirect",
        ..PLAIN
    },
    Row {
        id: "redirected-by-wildcard",
        says: "a server block for many names ({server}) redirects, and this name is one of them",
        seen: REDIRECTS,
        shows: &[RedirectsAway, ByWildcard],
        settles: &[ReturnsRedirect],
        changes: &[Release, Edit],
        check: "evenkeel route URL: which server block takes the name",
        fix: "a narrower server_name, or a server block of its own for the name",
        ..PLAIN
    },
    Row {
        id: "page-instead-of-file",
        says: "the file is missing, and a fallback answers with a page in its place",
        seen: &[Class("content")],
        shows: &[PageForAsset],
        settles: &[OtherFile],
        changes: &[Release, Edit, Application],
        check: "whether the file is deployed; the last parameter of try_files",
        fix: "a location for these files with try_files $uri =404; deploy the file",
        ..PLAIN
    },
    Row {
        id: "route-moved",
        says: "since the last change the request goes elsewhere",
        seen: &[Class("content"), Got(404), Got(403)],
        shows: &[RouteMoved],
        settles: &[All(&[Probe("content"), Any(&[crate::Fact::Recent(Release), crate::Fact::Recent(Edit)])])],
        changes: &[Release, Edit],
        check: "what the last change did to this route: evenkeel diff",
        fix: "take the change back",
        ..PLAIN
    },
    Row {
        id: "headers-not-inherited",
        says: "the answer lacks headers of an outer block: {location} adds some of its own, and inherits none",
        seen: &[Class("content")],
        shows: &[HeadersDropped],
        changes: &[Release, Edit],
        check: "add_header in the block and around it: evenkeel check, rule dropped-inherited-headers",
        fix: "repeat the outer headers there, or add_header_inherit merge (nginx 1.29.3 and later)",
        ..PLAIN
    },
    Row {
        id: "cookies-cached",
        says: "answers with cookies are cached: one client gets the cookie of another",
        shows: &[CachedCookie],
        changes: &[Release, Edit],
        check: "proxy_ignore_headers Set-Cookie, and what proxy_cache_key is made of",
        fix: "empty the cache now; cache no answer that sets a cookie",
        ..PLAIN
    },
    Row {
        id: "redirect-cycle",
        says: "internal redirects go in a circle: {0}",
        seen: &[Got(500)],
        shows: &[Said(RewriteCycle)],
        changes: &[Release, Edit],
        check: "the location that the line names: try_files, error_page, rewrite",
        fix: "break the circle: a last parameter of try_files that is there",
        ..PLAIN
    },
    Row {
        id: "named-location-missing",
        says: "something refers to the location {0}, which is not there",
        seen: &[Got(500)],
        shows: &[Said(NoNamedLocation)],
        changes: &[Release, Edit],
        check: "where {0} is named: try_files, error_page",
        fix: "put the named location back",
        ..PLAIN
    },
    Row {
        id: "proxy-pass-empty",
        says: "the variable in proxy_pass is empty for this request",
        seen: &[Got(500)],
        shows: &[Any(&[Said(InvalidUrlPrefix), Said(UpstreamUrlInvalid)])],
        changes: &[Release, Edit],
        check: "the map or set that gives the variable, and its default",
        fix: "give the map a default",
        ..PLAIN
    },
];
