//! How a sender proves itself: what it shows to be let in, and how its signature is made.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

use super::code::Code;
use crate::config::{
    AuthJwt, AuthKinds, EncodingName, HashName, HookAuth, HookSignature, JwtName, KeyName, SeparatorName,
};
use crate::signature::{
    self, Algorithm, Encoding, JwtAlgorithm, JwtForm, JwtVerifier, KeyForm, Separator, SignatureForm,
};

/// The header in which Webex Connect has the service key.
const SERVICE_KEY: HeaderName = HeaderName::from_static("key");

/// The scheme of tokens in `Authorization`.
const BEARER: &str = "Bearer ";

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
        let Some(HookAuth::Kinds(kinds)) = auth else { return Ok(Auth::Nothing) };
        let AuthKinds { bearer, basic, header, service_key, url_token, jwt } = &**kinds;
        let with = |before: &str, text: &str| vec![SecretString::from(format!("{before}{text}"))];
        if let Some(token) = bearer {
            return Ok(Auth::Header(header::AUTHORIZATION, with(BEARER, token.expose_secret())));
        }
        if let Some(basic) = basic {
            let encoded = STANDARD.encode(basic.expose_secret());
            return Ok(Auth::Header(header::AUTHORIZATION, with("Basic ", &encoded)));
        }
        if let Some(header) = header {
            let name = header.name.parse().map_err(|_| format!("auth.header: \"{}\" is no header", header.name))?;
            return Ok(Auth::Header(name, vec![header.value.clone()]));
        }
        if let Some(token) = url_token {
            return Ok(Auth::Path(token.clone()));
        }
        if let Some(jwt) = jwt {
            return verifier(jwt).map(Auth::Jwt).map_err(|says| format!("auth.jwt: {says}"));
        }
        Ok(Auth::Header(SERVICE_KEY, service_key.clone()))
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

fn verifier(jwt: &AuthJwt) -> Result<JwtVerifier, String> {
    let AuthJwt { secret, key, algorithm, aud, iss, leeway } = jwt.clone();
    let algorithm = algorithm.map(|name| match name {
        JwtName::Hs256 => JwtAlgorithm::Hs256,
        JwtName::Rs256 => JwtAlgorithm::Rs256,
        JwtName::Es256 => JwtAlgorithm::Es256,
    });
    let form = JwtForm { algorithm, aud, iss, leeway };
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
/// Nobody says which header holds the signature.
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
    set(&mut form.algorithm, settings.algorithm.map(algorithm));
    set(&mut form.encoding, settings.encoding.map(encoding));
    set(&mut form.separator, settings.separator.map(separator));
    set(&mut form.key, settings.key.map(key));
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

fn algorithm(name: HashName) -> Algorithm {
    match name {
        HashName::Sha1 => Algorithm::Sha1,
        HashName::Sha256 => Algorithm::Sha256,
        HashName::Sha512 => Algorithm::Sha512,
        HashName::Ed25519 => Algorithm::Ed25519,
    }
}

fn encoding(name: EncodingName) -> Encoding {
    match name {
        EncodingName::Hex => Encoding::Hex,
        EncodingName::Base64 => Encoding::Base64,
    }
}

fn separator(name: SeparatorName) -> Separator {
    match name {
        SeparatorName::None => Separator::None,
        SeparatorName::Comma => Separator::Comma,
        SeparatorName::Blank => Separator::Blank,
    }
}

fn key(name: KeyName) -> KeyForm {
    match name {
        KeyName::Text => KeyForm::Text,
        KeyName::Hex => KeyForm::Hex,
        KeyName::Base64 => KeyForm::Base64,
        KeyName::Whsec => KeyForm::Whsec,
    }
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
