//! What is to be set at a sender so that it posts to a hook: the text of its preset, by the hook's own proof.

mod script;

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::presets::{self, Preset};
use super::proof::BEARER;
use super::{chat, proof};
use crate::config::{self, AuthJwt, AuthKind, Config, HookAuth};
use crate::signature::{Algorithm, KeyForm, Named, SignatureForm};
use crate::store::ChatHook;
use crate::template::{PLAIN, Templates, Values};
use script::{Signing, signing};

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
/// The name of a token that the sender makes. The key that signs it is never shown to the hook.
const TOKEN: &str = "TOKEN";

/// How a hook is proven to, in the words of the templates.
#[derive(Default)]
struct ShownProof {
    kind: &'static str,
    /// The header that holds the proof, and what stands in it before the secret.
    header: String,
    scheme: &'static str,
    user: String,
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
    let kind = hook.auth.as_ref().and_then(HookAuth::kind);
    let proof = shown_proof(kind);
    let token = kind.and_then(|kind| if let AuthKind::Jwt(jwt) = kind { Some(jwt) } else { None });
    let (secret, signing_secret) = match shown {
        Shown::Inline(place) => (place, place),
        Shown::Named(_) => (if token.is_some() { TOKEN } else { SECRET }, SIGNING),
    };
    let in_path = if proof.kind == "url_token" { format!("/{secret}") } else { String::new() };
    let url = format!("{base}/hooks/{}{in_path}", hook.name);
    let mut values = json!({
        "name": hook.name, "url": url, "inline": matches!(shown, Shown::Inline(_)), "secret": secret,
        "signing": signing_secret, "proof": proof.kind, "header": proof.header, "scheme": proof.scheme, "user": proof.user,
        "url_with_user": url.replacen("://", &format!("://{}:{secret}@", proof.user), 1),
    });
    add_signature(&mut values, preset, hook, signing_secret)?;
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
    let token = token.filter(|_| text.contains(TOKEN)).map(|jwt| token_line(jwt, &hook.name)).transpose()?;
    // SECRET is also the end of SIGNING-SECRET.
    let is_shown = text.replace(SIGNING, "").contains(SECRET);
    let secret = kind.filter(|_| is_shown).map(|kind| match kind {
        AuthKind::Basic(_) => place(SECRET, "auth.basic, after the colon,"),
        AuthKind::Bearer(_)
        | AuthKind::Header(_)
        | AuthKind::ServiceKey(_)
        | AuthKind::UrlToken(_)
        | AuthKind::Jwt(_) => place(SECRET, kind.key()),
    });
    let signing = text.contains(SIGNING).then(|| place(SIGNING, "signature.secrets"));
    let places: String = token.into_iter().chain(secret).chain(signing).collect();
    Ok(format!("{text}\n{places}").trim_end().to_owned())
}

fn shown_proof(kind: Option<AuthKind<'_>>) -> ShownProof {
    let in_header =
        |kind, header: &str, scheme| ShownProof { kind, header: header.to_owned(), scheme, ..ShownProof::default() };
    match kind {
        None => ShownProof { kind: "none", ..ShownProof::default() },
        Some(AuthKind::Bearer(_)) => in_header("bearer", "Authorization", BEARER),
        Some(AuthKind::Basic(basic)) => {
            let user = basic.expose_secret().split(':').next().unwrap_or_default().to_owned();
            ShownProof { user, ..in_header("basic", "Authorization", "Basic ") }
        }
        Some(AuthKind::Header(header)) => in_header("header", &header.name, ""),
        Some(AuthKind::ServiceKey(_)) => in_header("service_key", "key", ""),
        Some(AuthKind::UrlToken(_)) => ShownProof { kind: "url_token", ..ShownProof::default() },
        Some(AuthKind::Jwt(_)) => in_header("jwt", "Authorization", BEARER),
    }
}

/// What a token has to be that a sender makes.
fn token_line(jwt: &AuthJwt, hook: &str) -> Result<String, String> {
    let claim = |name: &str, claim: &Option<String>| claim.as_ref().map(|claim| format!("{name} \"{claim}\", "));
    let (aud, iss) = (claim("aud", &jwt.aud).unwrap_or_default(), claim("iss", &jwt.iss).unwrap_or_default());
    let algorithm = proof::verifier(jwt)?.algorithm().name();
    let key = match &jwt.key {
        Some(_) => "the private key whose public one is in auth.jwt.key_file".to_owned(),
        None => "the key in auth.jwt.secret".to_owned(),
    };
    Ok(format!(
        "\n{TOKEN}: a JSON Web Token with {aud}{iss}exp, which the sender signs anew in time by {algorithm} with {key} of \
         [[hook]] {hook} in bot.toml. Never send the key itself"
    ))
}

/// Adds what a template needs of the signature.
fn add_signature(values: &mut Value, preset: &Preset, hook: &config::Hook, secret: &str) -> Result<(), String> {
    let settings = hook.signature.as_ref();
    let form = settings.map(|settings| proof::form(preset.signature.map(|form| form()), settings)).transpose()?;
    let is_public = |form: &SignatureForm| {
        let mut secrets = settings.iter().flat_map(|settings| &settings.secrets);
        let is_whpk = secrets.all(|secret| secret.expose_secret().starts_with("whpk_"));
        form.algorithm == Algorithm::Ed25519 || (form.key == KeyForm::Whsec && is_whpk)
    };
    let is_public = form.as_ref().is_some_and(is_public);
    let Signing { sentence, commands, headers } =
        form.as_ref().map(|form| signing(form, secret, is_public)).unwrap_or_default();
    let signed = json!({
        "signed": form.is_some(), "is_public": is_public, "how_to_sign": sentence, "sign": commands, "signed_headers": headers,
        "signature_header": form.as_ref().map(|form| &form.header),
        "timestamp_header": form.as_ref().and_then(|form| form.timestamp.as_ref()),
    });
    if let (Some(values), Value::Object(signed)) = (values.as_object_mut(), signed) {
        values.extend(signed);
    }
    Ok(())
}

fn render(preset: &Preset, values: &Value) -> Result<String, String> {
    let (mut templates, name) = (Templates::new(), format!("{}{PLAIN}", preset.name));
    templates.add(name.clone(), preset.setup.to_owned()).map_err(|error| error.to_string())?;
    templates.render(&name, &Values::new([], &values.into(), [])).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
