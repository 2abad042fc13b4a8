//! How to sign a delivery: in a sentence, and as commands of a shell.

use crate::signature::{Encoding, KeyForm, Named, SignatureForm};

/// How a sender signs.
#[derive(Default)]
pub(super) struct Signing {
    /// What is signed with which secret, and where the signature goes.
    pub sentence: String,
    /// The commands that make the signature of `$BODY`. None if only the sender has the key.
    pub commands: Option<String>,
    /// The headers that the delivery has then, for a shell's double quotes.
    pub headers: Vec<String>,
}

/// Signing in this form with the secret that this is the name of. `has_public_key` says whether the secret is a public
/// key.
pub(super) fn signing(form: &SignatureForm, secret: &str, has_public_key: bool) -> Signing {
    let SignatureForm { header, signed, prefix, timestamp, .. } = form;
    let encoding = form.encoding.name().to_uppercase();
    let (in_field, between) = match timestamp {
        Some(place) if place.ends_with('=') => (place.as_str(), form.separator.name()),
        Some(_) | None => ("", ""),
    };
    let time = if in_field.is_empty() { "" } else { "TIME" };
    let time_header = timestamp.as_ref().filter(|_| in_field.is_empty());
    let others = [(time_header, "{timestamp}"), (form.id.as_ref(), "{id}")];
    let others = others.iter().filter_map(|(header, what)| Some(format!(", and {what} into {}", (*header)?)));
    let others: String = others.collect();
    if has_public_key {
        let sentence = format!(
            "Only the sender can sign, with its private key of ed25519: {signed}, with the signature in the header \
             {header}{others}. {secret} is the public key that belongs to it."
        );
        return Signing { sentence, ..Signing::default() };
    }
    let written = format!("{in_field}{time}{between}{prefix}{encoding}");
    let sentence = format!(
        "Sign {signed} with HMAC-{} and {secret}, and put it into the header {header}, written as {written}{others}.",
        form.algorithm.name()
    );
    let own = |name: &Option<String>, value: &str| name.as_ref().map(|name| format!("{name}: {value}"));
    let signature = format!(
        "{header}: {}{}{between}{}${{SIGNATURE}}",
        quoted(in_field),
        if time.is_empty() { "" } else { "${TIMESTAMP}" },
        quoted(prefix)
    );
    let headers = [own(&time_header.cloned(), "${TIMESTAMP}"), own(&form.id, "${ID}"), Some(signature)];
    Signing { sentence, commands: Some(commands(form, secret)), headers: headers.into_iter().flatten().collect() }
}

fn commands(form: &SignatureForm, secret: &str) -> String {
    const HEX: &str = "od -An -v -tx1 | tr -d ' \\n'";
    let mut lines = Vec::new();
    if form.timestamp.is_some() {
        lines.push("TIMESTAMP=$(date +%s)".to_owned());
    }
    if form.id.is_some() {
        lines.push("ID=\"$(date +%s)-$$\"".to_owned());
    }
    let decoded = format!("KEY=$(printf %s '{secret}' | sed 's/^whsec_//' | openssl base64 -d -A | {HEX})");
    let key = match form.key {
        KeyForm::Text => format!("-hmac '{secret}'"),
        KeyForm::Hex => format!("-mac HMAC -macopt 'hexkey:{secret}'"),
        KeyForm::Base64 | KeyForm::Whsec => {
            lines.push(decoded);
            "-mac HMAC -macopt \"hexkey:$KEY\"".to_owned()
        }
    };
    let algorithm = form.algorithm.name();
    let written = match form.encoding {
        Encoding::Hex => HEX,
        Encoding::Base64 => "openssl base64 -A",
    };
    let signed = quoted(&form.signed);
    let filled = [("{id}", "${ID}"), ("{timestamp}", "${TIMESTAMP}"), ("{body}", "${BODY}")];
    let signed = filled.iter().fold(signed, |text, (name, value)| text.replace(name, value));
    lines.push(format!("SIGNATURE=$(printf %s \"{signed}\" | openssl dgst -{algorithm} {key} -binary | {written})"));
    lines.join("\n")
}

/// A text as it has to be within the double quotes of a shell.
fn quoted(text: &str) -> String {
    let escaped = text.chars().map(|c| if "\\\"$`".contains(c) { format!("\\{c}") } else { c.to_string() });
    escaped.collect()
}
