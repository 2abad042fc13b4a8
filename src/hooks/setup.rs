//! What is to be set at a sender so that it posts to a hook: the text of its preset, by the hook's own proof.

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::presets::{self, Preset};
use super::{chat, proof};
use crate::config::{self, AuthKinds, Config, HookAuth};
use crate::signature::{Algorithm, Encoding, SignatureForm};
use crate::store::ChatHook;
use crate::template::{PLAIN, Templates, Values};

/// How the secrets of a hook are written in the text.
#[derive(Clone, Copy)]
pub(super) enum Shown<'a> {
    /// This, where the secret itself has to be.
    Inline(&'static str),
    /// A name for each, and below the text where it is: in the settings, or in a message to this admin.
    Named(Option<&'a str>),
}

/// The names of secrets that are not shown.
const SECRET: &str = "SECRET";
const SIGNING: &str = "SIGNING-SECRET";

/// How a hook is proven to, in the words of the templates.
struct ShownProof {
    /// The kind, as `auth` of the settings calls it.
    kind: &'static str,
    /// The header that holds the proof, and what stands in it before the secret.
    header: String,
    scheme: &'static str,
    user: String,
    /// Where the secret is in the settings.
    key: &'static str,
}

/// What is to be set at the sender of the hook of this name, which is in the settings or was made from the chat. Secrets
/// are not in it.
///
/// # Errors
/// There is no such hook, or it cannot be used.
pub fn setup_text(config: &Config, made: &[ChatHook], name: &str) -> Result<String, String> {
    let base = config.webhook.public_base();
    let shown_base = base.as_deref().unwrap_or("https://ADDRESS");
    let text = match config.hook.iter().find(|hook| hook.name == name) {
        Some(hook) => text(hook, shown_base, Shown::Named(None)),
        None => {
            let row = made.iter().find(|row| row.name == name).ok_or("there is no hook of this name")?;
            let hook = chat::with_secret(name, presets::named(&row.preset)?, &row.to, &SECRET.into())?;
            text(&hook, shown_base, Shown::Named(Some(&row.email)))
        }
    }?;
    Ok(match base {
        Some(_) => text,
        None => format!("{text}\nADDRESS: set webhook.public_url, and it is known"),
    })
}

/// The text for a hook. `base` is the beginning of its URL.
///
/// # Errors
/// Its preset or its signature is wrong.
pub(super) fn text(hook: &config::Hook, base: &str, shown: Shown<'_>) -> Result<String, String> {
    let preset = presets::named(&hook.preset)?;
    let proof = shown_proof(hook.auth.as_ref());
    let (secret, signing) = match shown {
        Shown::Inline(place) => (place, place),
        Shown::Named(_) => (SECRET, SIGNING),
    };
    let token = if proof.kind == "url_token" { format!("/{secret}") } else { String::new() };
    let url = format!("{base}/hooks/{}{token}", hook.name);
    let mut values = json!({
        "name": hook.name, "url": url, "inline": matches!(shown, Shown::Inline(_)), "secret": secret, "signing": signing,
        "proof": proof.kind, "header": proof.header, "scheme": proof.scheme, "user": proof.user,
        "url_with_user": url.replacen("://", &format!("://{}:{secret}@", proof.user), 1),
    });
    let form = hook.signature.as_ref().map(|signature| proof::form(preset.signature.map(|form| form()), signature));
    add_signature(&mut values, form.transpose()?.as_ref());
    let text = render(preset, &values)?;
    let Shown::Named(told) = shown else { return Ok(text) };
    let place = |name: &str, key: &str| match told {
        Some(admin) => {
            format!(
                "\n{name}: in the message that {admin} got; `hook rotate {}` in the chat makes a new one",
                hook.name
            )
        }
        None => format!("\n{name}: in {key} of [[hook]] {} in bot.toml, or in the file that is named there", hook.name),
    };
    // The one name is the end of the other.
    let is_shown = text.replace(SIGNING, "").contains(SECRET);
    let secret = is_shown.then(|| place(SECRET, proof.key));
    let signing = text.contains(SIGNING).then(|| place(SIGNING, "signature.secrets"));
    let places: String = secret.into_iter().chain(signing).collect();
    Ok(format!("{text}\n{places}").trim_end().to_owned())
}

fn shown_proof(auth: Option<&HookAuth>) -> ShownProof {
    let proof = |kind, header: &str, scheme, key| ShownProof {
        kind,
        header: header.to_owned(),
        scheme,
        user: String::new(),
        key,
    };
    let Some(HookAuth::Kinds(kinds)) = auth else { return proof("none", "", "", "") };
    let AuthKinds { bearer, basic, header, service_key, url_token, .. } = &**kinds;
    if let Some(basic) = basic {
        let user = basic.expose_secret().split(':').next().unwrap_or_default().to_owned();
        return ShownProof { user, ..proof("basic", "Authorization", "Basic ", "auth.basic, after the colon,") };
    }
    if let Some(header) = header {
        return proof("header", &header.name, "", "auth.header.value");
    }
    match (bearer.is_some(), url_token.is_some(), service_key.is_empty()) {
        (true, ..) => proof("bearer", "Authorization", "Bearer ", "auth.bearer"),
        (_, true, _) => proof("url_token", "", "", "auth.url_token"),
        (.., false) => proof("service_key", "key", "", "auth.service_key"),
        (.., true) => proof("other", "Authorization", "Bearer ", "auth.jwt"),
    }
}

fn add_signature(values: &mut Value, form: Option<&SignatureForm>) {
    let algorithm = form.map(|form| match form.algorithm {
        Algorithm::Sha1 => "sha1",
        Algorithm::Sha256 => "sha256",
        Algorithm::Sha512 => "sha512",
        Algorithm::Ed25519 => "ed25519",
    });
    let written = form.map(|form| match form.encoding {
        Encoding::Hex => format!("{}HEX", form.prefix),
        Encoding::Base64 => format!("{}BASE64", form.prefix),
    });
    let is_simple = form.is_some_and(|form| {
        form.signed == "{body}" && matches!(form.encoding, Encoding::Hex) && form.algorithm != Algorithm::Ed25519
    });
    let signed = json!({
        "signed": form.is_some(), "is_simple": is_simple, "algorithm": algorithm, "written": written,
        "signature_header": form.map(|form| &form.header), "prefix": form.map(|form| &form.prefix),
        "signed_text": form.map(|form| &form.signed), "timestamp_header": form.and_then(|form| form.timestamp.as_ref()),
    });
    if let (Some(values), Value::Object(signed)) = (values.as_object_mut(), signed) {
        values.extend(signed);
    }
}

fn render(preset: &Preset, values: &Value) -> Result<String, String> {
    let (mut templates, name) = (Templates::new(), format!("{}{PLAIN}", preset.name));
    templates.add(name.clone(), preset.setup.to_owned()).map_err(|error| error.to_string())?;
    templates.render(&name, &Values::new([], &values.into(), [])).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
