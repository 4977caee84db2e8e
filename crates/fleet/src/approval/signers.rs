//! Who may approve: the signers that a host allows, in the form of ssh-keygen(1), ALLOWED SIGNERS.
//!
//! What that form can say and this does not follow is refused by its line, never passed over: a certificate authority,
//! a principal that is a pattern (nobody could tell whose approval it is), times without a zone.

use ssh_key::{HashAlg, PublicKey, SshSig};

use super::{Approval, BYTES_MAX, BadApproval, NAMESPACE, Unfit, Wanted};
use crate::Timestamp;

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";

/// The signers that a host allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signers(Vec<Signer>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Signer {
    /// Every name of this person.
    names: Vec<String>,
    key: PublicKey,
    after: Option<Timestamp>,
    before: Option<Timestamp>,
    /// Whether the key is allowed for approvals.
    ours: bool,
}

/// A line of allowed signers that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read line {line} of the allowed signers: {why}")]
pub struct BadSigners {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: &'static str,
}

/// Who approved a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    /// The first name of whoever signed it.
    pub by: String,
    /// The fingerprint of the key: `SHA256:…`.
    pub key: String,
    /// Until when it is good.
    pub expires: Timestamp,
}

/// Why a document approves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotApproved {
    /// There is no signature under it.
    #[error("it is not signed: a text, and under it what `ssh-keygen -Y sign` makes of it")]
    Unsigned,
    /// The signature is none, or none that this version can read.
    #[error("its signature cannot be read")]
    Signature,
    /// The text says something else.
    #[error("failed to {0}")]
    Text(#[from] BadApproval),
    /// A key that is not allowed signed it.
    #[error("the key {0} signed it, which may not approve on this host")]
    Stranger(String),
    /// The key may approve, but not now.
    #[error("the key of {0} may not approve now")]
    NotNow(String),
    /// It was signed for another purpose, or the text was changed afterwards.
    #[error("the signature is not of this text, or for another purpose than {NAMESPACE}")]
    NotOfThis,
    /// It does not fit the step.
    #[error(transparent)]
    Unfit(#[from] Unfit),
}

impl Signers {
    /// Reads allowed signers.
    ///
    /// # Errors
    /// [`BadSigners`] names the first line that cannot be followed.
    pub fn read(text: &str) -> Result<Self, BadSigners> {
        let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
        let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let read = |(line, text): (usize, &str)| signer(text).map_err(|why| BadSigners { line, why });
        lines.map(read).collect::<Result<_, _>>().map(Self)
    }

    /// Whether nobody may approve.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.0.iter().any(|signer| signer.ours)
    }

    /// Says who approved the step by this document: the text of an [`Approval`] and under it its signature.
    ///
    /// # Errors
    /// [`NotApproved`] says why it counts for nothing.
    pub fn approved(&self, document: &str, wanted: &Wanted<'_>) -> Result<Approved, NotApproved> {
        if document.len() > 2 * BYTES_MAX {
            return Err(BadApproval::Long.into());
        }
        let at = document.find(BEGIN).ok_or(NotApproved::Unsigned)?;
        let (text, signature) = document.split_at(at);
        let signature: SshSig = signature.trim_end().parse().map_err(|_| NotApproved::Signature)?;
        let key = PublicKey::from(signature.public_key().clone());
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        let known = self.0.iter().filter(|signer| signer.ours && signer.key.key_data() == key.key_data());
        let known: Vec<&Signer> = known.collect();
        let Some(first) = known.first() else { return Err(NotApproved::Stranger(fingerprint)) };
        let valid = known.iter().find(|signer| signer.valid(wanted.now));
        let signer = *valid.ok_or_else(|| NotApproved::NotNow(first.name().to_owned()))?;
        signer.key.verify(NAMESPACE, text.as_bytes(), &signature).map_err(|_| NotApproved::NotOfThis)?;
        let approval: Approval = text.parse()?;
        // Whatever this key is called, in any line: the same hand must not have made the change.
        for name in known.iter().flat_map(|signer| &signer.names) {
            approval.fits(wanted, name)?;
        }
        Ok(Approved { by: signer.name().to_owned(), key: fingerprint, expires: approval.expires })
    }
}

impl Signer {
    fn name(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }

    fn valid(&self, now: Timestamp) -> bool {
        self.after.is_none_or(|after| now >= after) && self.before.is_none_or(|before| now < before)
    }
}

/// Reads `principals [options] keytype key [comment]`.
fn signer(line: &str) -> Result<Signer, &'static str> {
    let (names, rest) = line.split_once([' ', '\t']).ok_or("a name and a key are wanted")?;
    let names: Vec<String> = names.trim_matches('"').split(',').map(str::to_owned).collect();
    if names.iter().any(|name| name.is_empty() || name.contains(['*', '?', '!'])) {
        return Err("a name is wanted, no pattern: it says who approved");
    }
    let mut rest = rest.trim_start();
    let (mut after, mut before, mut ours) = (None, None, true);
    if let Ok(key) = PublicKey::from_openssh(rest) {
        return Ok(Signer { names, key, after, before, ours });
    }
    loop {
        let end = end_of_option(rest).ok_or("an option is not closed, or there is no key")?;
        let (option, more) = rest.split_at(end);
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let value = value.trim_matches('"');
        match name.to_ascii_lowercase().as_str() {
            "namespaces" => ours = value.split(',').any(|namespace| namespace == NAMESPACE),
            "valid-after" => after = Some(time(value)?),
            "valid-before" => before = Some(time(value)?),
            "cert-authority" => {
                return Err("a certificate authority is not followed: name the keys themselves");
            }
            _ => {
                return Err(
                    "neither an option that is known (namespaces, valid-after, valid-before) nor a key",
                );
            }
        }
        if let Some(next) = more.strip_prefix(',') {
            rest = next;
            continue;
        }
        let key = PublicKey::from_openssh(more.trim_start()).map_err(|_| "its key cannot be read")?;
        return Ok(Signer { names, key, after, before, ours });
    }
}

/// Where an option ends: at a comma or blank outside of quotes.
fn end_of_option(text: &str) -> Option<usize> {
    let mut quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            ',' | ' ' | '\t' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// Reads `20261121Z`, `202611211030Z` or `20261121103000Z`.
fn time(text: &str) -> Result<Timestamp, &'static str> {
    const WRONG: &str = "a time is wanted with its zone: 20261121Z, 202611211030Z or 20261121103000Z";
    let digits =
        text.strip_suffix('Z').filter(|it| it.bytes().all(|byte| byte.is_ascii_digit())).ok_or(WRONG)?;
    let padded = match digits.len() {
        8 | 12 | 14 => format!("{digits:0<14}"),
        _ => return Err(WRONG),
    };
    let civil = jiff::civil::DateTime::strptime("%Y%m%d%H%M%S", &padded).map_err(|_| WRONG)?;
    let moment = civil.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| WRONG)?.timestamp();
    u64::try_from(moment.as_millisecond()).map(Timestamp::from_millis).map_err(|_| WRONG)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{NOW, approval};
    use super::*;
    use crate::{Actor, BundleId, Generation, HostId};
    use ssh_key::PrivateKey;
    use ssh_key::private::{Ed25519Keypair, KeypairData};

    fn key(seed: u8) -> PrivateKey {
        let pair = KeypairData::Ed25519(Ed25519Keypair::from_seed(&[seed; 32]));
        PrivateKey::new(pair, "").unwrap()
    }

    fn line(names: &str, options: &str, seed: u8) -> String {
        format!("{names} {options} {}\n", key(seed).public_key().to_openssh().unwrap())
    }

    fn signed(seed: u8, namespace: &str, text: &str) -> String {
        let signature = key(seed).sign(namespace, HashAlg::Sha512, text.as_bytes()).unwrap();
        format!("{text}{}", signature.to_pem(ssh_key::LineEnding::LF).unwrap())
    }

    fn held(signers: &str, document: &str) -> Result<Approved, NotApproved> {
        let (host, who) = (HostId::new("web1").unwrap(), Actor::new("alice", "sudo"));
        let risks = approval().risks;
        let (from, to, epoch) = (BundleId([1; 32]), BundleId([2; 32]), Generation(7));
        let wanted = Wanted { host: &host, from, to, epoch, who: &who, risks: &risks, now: NOW };
        Signers::read(signers).unwrap().approved(document, &wanted)
    }

    #[test]
    fn allowed_signer_approves() {
        let document = signed(1, NAMESPACE, &approval().to_string());
        let options = [
            "",
            "namespaces=\"file,evenkeel-approval\"",
            "valid-after=\"20200101Z\",valid-before=\"20991231235959Z\"",
        ];
        for options in options {
            let approved = held(&line("bob@example.com", options, 1), &document).unwrap();
            assert_eq!(approved.by, "bob@example.com");
            assert!(approved.key.starts_with("SHA256:"));
            assert_eq!(approved.expires, approval().expires);
        }
    }

    #[test]
    fn stranger_forger_and_former_colleague_do_not() {
        let text = approval().to_string();
        let (document, signers) = (signed(1, NAMESPACE, &text), line("bob", "", 1));
        assert!(matches!(held(&signers, &signed(2, NAMESPACE, &text)), Err(NotApproved::Stranger(_))));
        assert_eq!(held(&signers, &signed(1, "git", &text)), Err(NotApproved::NotOfThis));
        let changed = document.replace("web1", "web1 ");
        assert_eq!(held(&signers, &changed), Err(NotApproved::NotOfThis));
        assert!(matches!(
            held(&line("bob", "namespaces=\"git\"", 1), &document),
            Err(NotApproved::Stranger(_))
        ));
        for former in ["valid-before=\"20200101Z\"", "valid-after=\"20990101Z\""] {
            assert_eq!(held(&line("bob", former, 1), &document), Err(NotApproved::NotNow("bob".to_owned())));
        }
        assert_eq!(held(&signers, &text), Err(NotApproved::Unsigned));
        assert_eq!(held(&signers, &format!("{text}{BEGIN}\nAAAA\n")), Err(NotApproved::Signature));
    }

    #[test]
    fn author_cannot_approve_under_another_name_of_the_same_key() {
        let document = signed(1, NAMESPACE, &approval().to_string());
        for signers in [line("deploy,alice@example.com", "", 1), line("bob", "", 1) + &line("alice", "", 1)] {
            assert!(matches!(held(&signers, &document), Err(NotApproved::Unfit(Unfit::OwnChange(_)))));
        }
    }

    #[test]
    fn line_that_cannot_be_followed_is_named() {
        let good = line("bob", "", 1);
        let bad = [
            line("*@example.com", "", 1),
            line("bob", "cert-authority", 1),
            line("bob", "valid-before=\"20200101\"", 1),
            line("bob", "valid-before=\"20201301Z\"", 1),
            line("bob", "namespaces=\"git", 1),
            line("bob", "permit-everything", 1),
            "bob\n".to_owned(),
            "bob ssh-ed25519 AAAA\n".to_owned(),
        ];
        for line in bad {
            let read = Signers::read(&format!("# who may approve\n\n{good}{line}"));
            assert_eq!(read.expect_err(&line).line, 4, "{line}");
        }
        assert!(Signers::read("").unwrap().is_empty());
        assert!(Signers::read(&line("bob", "namespaces=\"git\"", 1)).unwrap().is_empty());
        assert!(!Signers::read(&good).unwrap().is_empty());
    }
}
