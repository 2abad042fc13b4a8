//! Sends one request and reads its answer. Plain calls of the API go straight to it. Uploads, downloads, calls of
//! other hosts and everything that a proxy carries go through reqwest. The answers and errors are the same.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use reqwest::multipart::{Form, Part};

use super::answer::{Expects, most_bytes, read};
use super::call::{ApiAnswer, ApiCall, RequestBody};
use super::connection::{connect_timeout, http_client, is_proxied, system_tls, user_agent};
use super::direct::Direct;
use super::filename::UNKNOWN_TYPE;
use super::lost::Lost;
use super::resources::File;
use crate::config;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Both ways to Webex, for one token.
pub(super) struct Wire {
    http: reqwest::Client,
    authorization: HeaderValue,
    /// `None` if a proxy carries the calls.
    direct: Option<Direct>,
    /// The address of the API without its path. A call of another address goes through reqwest.
    origin: String,
    /// The headers of every plain call.
    headers: HeaderMap,
}

impl Wire {
    /// Nothing is connected yet.
    ///
    /// # Errors
    /// `webex.ca_file` cannot be read or is no certificate, or TLS cannot be set up on this system.
    pub fn new(settings: &config::Webex, authorization: HeaderValue) -> anyhow::Result<Wire> {
        let tls = system_tls(settings)?;
        let origin = settings.api_url.origin().ascii_serialization();
        let host: Uri = origin.parse()?;
        let direct = (!is_proxied(settings, &host))
            .then(|| Direct::new(tls.clone(), settings.timeout, connect_timeout(settings)));
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, authorization.clone());
        headers.insert(USER_AGENT, user_agent(settings).parse()?);
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        Ok(Wire { http: http_client(settings, tls)?, authorization, direct, origin, headers })
    }

    /// The client for what is not a call of the API.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// The header that proves who calls. It is marked as sensitive, so nothing prints it.
    pub fn authorization(&self) -> &HeaderValue {
        &self.authorization
    }

    /// Sends a call and reads its answer, whoever it is from.
    pub async fn exchange(&self, call: &ApiCall) -> Result<(StatusCode, ApiAnswer), Lost> {
        if let Some(direct) = &self.direct
            && let Some(request) = self.plain(call)
        {
            let (head, body) = direct.send(request).await?;
            return Ok((head.status, ApiAnswer { headers: head.headers, body, unread: None }));
        }
        // It is rare, and its future is large.
        Box::pin(self.exchange_by_reqwest(call)).await
    }

    /// The request of a plain call of the API. `None` if it is another call.
    fn plain(&self, call: &ApiCall) -> Option<Request<Full<Bytes>>> {
        call.url.strip_prefix(&self.origin).filter(|path| path.starts_with('/'))?;
        let (body, kind) = match (&call.body, call.expects) {
            (RequestBody::Form(..), _) | (_, Expects::File) => return None,
            (RequestBody::None, Expects::Json | Expects::Nothing) => (Bytes::new(), None),
            (RequestBody::Json(json), Expects::Json | Expects::Nothing) => (json.clone(), Some(JSON)),
        };
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = call.url.parse().ok()?;
        *request.headers_mut() = self.headers.clone();
        if let Some(kind) = kind {
            request.headers_mut().insert(CONTENT_TYPE, kind);
        }
        Some(request)
    }

    async fn exchange_by_reqwest(&self, call: &ApiCall) -> Result<(StatusCode, ApiAnswer), Lost> {
        let request = self.http.request(call.method.clone(), &call.url);
        let request = request.header(AUTHORIZATION, self.authorization.clone());
        let request = match &call.body {
            RequestBody::None => request,
            RequestBody::Json(json) => request.header(CONTENT_TYPE, JSON).body(json.clone()),
            RequestBody::Form(fields, file) => request.multipart(form(fields, file)),
        };
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        if status.is_success() && call.expects == Expects::File {
            return Ok((status, ApiAnswer { headers, body: Bytes::new(), unread: Some(response) }));
        }
        let body = read(reqwest::Body::from(response), most_bytes(status)).await?;
        Ok((status, ApiAnswer { headers, body, unread: None }))
    }
}

fn form(fields: &[(&'static str, String)], file: &File) -> Form {
    let part = || Part::stream(file.bytes.clone()).file_name(file.name.clone());
    // An invalid media type is no reason not to send the file.
    let typed = part().mime_str(&file.content_type).or_else(|_| part().mime_str(UNKNOWN_TYPE));
    let form = Form::new().part("files", typed.unwrap_or_else(|_| part()));
    fields.iter().fold(form, |form, (name, value)| form.text(*name, value.clone()))
}

#[cfg(test)]
mod tests;
