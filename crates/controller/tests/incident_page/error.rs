//! The pages that users see while the application does not answer, in the same browser.

use evenkeel_controller::pages::error::{Site, pages};

use crate::browser;

#[test]
fn error_pages_pass_axe_in_a_browser_in_the_light_and_in_the_dark() {
    let named = Site { name: Some("Example Shop".to_owned()), contact: Some("help@shop.example".to_owned()) };
    // They differ in their words alone: the one with the most, and one that says nothing of whose it is.
    let longest = pages(&named).unwrap().pop().unwrap().1;
    let bare = pages(&Site::default()).unwrap().swap_remove(1).1;
    for (page, dark) in [(&longest, false), (&longest, true), (&bare, false)] {
        let violations = browser::axe(page, dark);
        assert_eq!(violations, "0 violations", "dark: {dark}\n{violations}");
    }
}
