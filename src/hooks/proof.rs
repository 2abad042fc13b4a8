//! How a sender proves itself: what it shows to be let in, and how its signature is made.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

use super::code::Code;
use crate::config::{AuthJwt, AuthKind, HookAuth, HookSignature};
use crate::signature::{self, JwtForm, JwtVerifier, Named, SignatureForm};

/// The header in which Webex Connect has the service key.
const SERVICE_KEY: HeaderName = HeaderName::from_static("key");

/// The scheme of tokens in `Authorization`.
pub(super) const BEARER: &str = "Bearer ";

/// What a sender has to show.
pub(super) enum Auth {
    Nothing,
    /// A header with one of these values.
    Header(HeaderName, Vec<SecretString>),
    /// The last part of the path.
    Path(SecretString),
    /// A token in `Authorization`, or in the header of the service key.
    Jwt(JwtVerifier),
}

/// What a sender shows.
pub(super) struct Shown<'a> {
    pub headers: &'a HeaderMap,
    /// The last part of the path.
    pub token: Option<&'a str>,
    /// The token in the query, of a sender that may have it there.
    pub access_token: Option<String>,
    /// Our time in seconds since 1970.
    pub now: i64,
}

impl Auth {
    /// # Errors
    /// A name that is no header's, or a key that cannot be used.
    pub(super) fn new(auth: Option<&HookAuth>) -> Result<Auth, String> {
        let Some(kind) = auth.and_then(HookAuth::kind) else { return Ok(Auth::Nothing) };
        let with = |before: &str, text: &str| vec![SecretString::from(format!("{before}{text}"))];
        Ok(match kind {
            AuthKind::Bearer(token) => Auth::Header(header::AUTHORIZATION, with(BEARER, token.expose_secret())),
            AuthKind::Basic(basic) => {
                Auth::Header(header::AUTHORIZATION, with("Basic ", &STANDARD.encode(basic.expose_secret())))
            }
            AuthKind::Header(header) => {
                let name = header.name.parse().map_err(|_| format!("auth.header: \"{}\" is no header", header.name))?;
                Auth::Header(name, vec![header.value.clone()])
            }
            AuthKind::ServiceKey(keys) => Auth::Header(SERVICE_KEY, keys.to_vec()),
            AuthKind::UrlToken(token) => Auth::Path(token.clone()),
            AuthKind::Jwt(jwt) => Auth::Jwt(verifier(jwt).map_err(|says| format!("auth.jwt: {says}"))?),
        })
    }

    /// What is shown, in a few words. None if it is nothing.
    pub(super) fn kind(&self) -> Option<&'static str> {
        match self {
            Auth::Nothing => None,
            Auth::Header(name, ..) if *name == header::AUTHORIZATION => Some("authorization"),
            Auth::Header(name, ..) if *name == SERVICE_KEY => Some("service key"),
            Auth::Header(..) => Some("a header"),
            Auth::Path(_) => Some("a token in the path"),
            Auth::Jwt(_) => Some("JWT"),
        }
    }

    /// Whether the path of this hook ends in a token.
    pub(super) fn is_in_path(&self) -> bool {
        matches!(self, Auth::Path(_))
    }

    /// Whether this header is the proof, or its value has a secret in it, as that of a proxy may have the path.
    pub(super) fn is_in(&self, name: &str, value: &str) -> bool {
        match self {
            Auth::Nothing => false,
            Auth::Header(of, secrets) => {
                // The scheme before a token is not part of the secret.
                let is_there = |secret: &str| has(value, secret.rsplit(' ').next().unwrap_or(secret));
                of == name || secrets.iter().any(|secret| is_there(secret.expose_secret()))
            }
            Auth::Path(secret) => has(value, secret.expose_secret()),
            Auth::Jwt(_) => header::AUTHORIZATION == name || SERVICE_KEY == name,
        }
    }

    /// Checks that the sender shows the right secret. Compares in constant time.
    pub(super) fn check(&self, Shown { headers, token, access_token, now }: &Shown<'_>) -> Result<(), Code> {
        match self {
            Auth::Nothing => Ok(()),
            Auth::Path(secret) => {
                let token = token.ok_or(Code::ServiceKeyMissing)?;
                if signature::is_same(secret, token.as_bytes()) { Ok(()) } else { Err(Code::AuthenticationFailed) }
            }
            Auth::Jwt(jwt) if jwt.is_good(jwt_of(headers)?, *now) => Ok(()),
            Auth::Jwt(_) => Err(Code::AuthenticationFailed),
            Auth::Header(name, secrets) => {
                let in_query = || access_token.as_ref().map(|token| format!("{BEARER}{token}").into_bytes());
                let shown = match signature::shown(headers, name) {
                    Some(shown) => shown,
                    None if headers.contains_key(name) => return Err(Code::AuthenticationFailed),
                    None => in_query().ok_or(Code::ServiceKeyMissing)?,
                };
                let mut is_right = false;
                for secret in secrets {
                    is_right |= signature::is_same(secret, &shown);
                }
                if is_right { Ok(()) } else { Err(Code::AuthenticationFailed) }
            }
        }
    }
}

/// Whether a value has this secret in it, as it is or as a query has it.
fn has(value: &str, secret: &str) -> bool {
    let is_in = |value: &str| decoded(value).contains(secret);
    value.contains(secret) || is_in(value) || is_in(&value.replace('+', "%2B"))
}

/// A value without the encoding of queries. What parts the fields of a query stays.
fn decoded(value: &str) -> String {
    let whole = value.replace('&', "%26").replace('=', "%3D");
    url::form_urlencoded::parse(whole.as_bytes()).map(|(name, _)| name.into_owned()).collect()
}

/// A verifier of the tokens of these settings.
///
/// # Errors
/// The algorithm or a key cannot be used.
pub(super) fn verifier(jwt: &AuthJwt) -> Result<JwtVerifier, String> {
    let AuthJwt { secret, key, algorithm, aud, iss, leeway } = jwt.clone();
    let form = JwtForm { algorithm: parsed("algorithm", algorithm.as_deref())?, aud, iss, leeway };
    match key {
        Some(pem) => JwtVerifier::with_keys(form, &pem),
        None => JwtVerifier::with_secrets(form, &secret),
    }
}

/// The token that a sender shows: in `Authorization` where that is a bearer's, else in the header of the service key.
fn jwt_of(headers: &HeaderMap) -> Result<&str, Code> {
    let one = |name| one(headers, name)?.map(HeaderValue::to_str).transpose().map_err(|_| Code::AuthenticationFailed);
    let is_bearer = |text: &&str| text.get(..BEARER.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(BEARER));
    if let Some(text) = one(&header::AUTHORIZATION)?.filter(is_bearer) {
        return Ok(text[BEARER.len()..].trim());
    }
    one(&SERVICE_KEY)?.map(str::trim).ok_or(Code::ServiceKeyMissing)
}

/// The one value of a header. None if it is missing.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, Code> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        (_, Some(_)) => Err(Code::AuthenticationFailed),
    }
}

/// The form of the signatures: what the settings say, and otherwise what the preset says.
///
/// # Errors
/// A name means nothing, or nobody says which header holds the signature.
pub(super) fn form(preset: Option<SignatureForm>, settings: &HookSignature) -> Result<SignatureForm, String> {
    let mut form = preset.unwrap_or_default();
    let HookSignature { header, prefix, signed, timestamp, id, tolerance, .. } = settings.clone();
    if header.is_some() {
        form.also = None;
    }
    set(&mut form.header, header);
    set(&mut form.prefix, prefix);
    set(&mut form.signed, signed);
    set(&mut form.tolerance, tolerance);
    form.timestamp = timestamp.or(form.timestamp);
    form.id = id.or(form.id);
    let in_signature = |says| format!("signature.{says}");
    set(&mut form.algorithm, parsed("algorithm", settings.algorithm.as_deref()).map_err(in_signature)?);
    set(&mut form.encoding, parsed("encoding", settings.encoding.as_deref()).map_err(in_signature)?);
    set(&mut form.separator, parsed("separator", settings.separator.as_deref()).map_err(in_signature)?);
    set(&mut form.key, parsed("key", settings.key.as_deref()).map_err(in_signature)?);
    if form.header.is_empty() {
        return Err("signature: the preset has no signature of its own; give header, and how it is made".to_owned());
    }
    Ok(form)
}

fn set<T>(value: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *value = given;
    }
}

/// What the name in this setting means.
fn parsed<T: Named>(key: &str, name: Option<&str>) -> Result<Option<T>, String> {
    name.map(T::of_name).transpose().map_err(|says| format!("{key}: {says}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_the_query_of_a_proxy() {
        let secret = "a+b/c d==";
        for value in [
            secret,
            "/hooks/in?x=1&access_token=a%2Bb%2Fc%20d%3D%3D&y=2",
            "/hooks/in?access_token=a%2bb/c+d==",
            "/hooks/in/a+b%2Fc%20d%3D=",
        ] {
            assert!(has(value, secret), "{value}");
        }
        assert!(!has("/hooks/in?access_token=a%2Bb", secret));
    }
}
