//! Calls of a Webex that is reached through TLS, and through the proxy of the environment.

use std::process::Child;
use std::sync::{Arc, Mutex};

use switchboard::simulator::{Cloud, Options};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::check::Authority;
use crate::cli::finished;
use crate::harness::{skipped, switchboard};

const ALICE: &str = "alice@example.com";

/// A cloud behind TLS, as Webex is.
struct Site {
    cloud: Cloud,
    authority: Authority,
    tls: Child,
    port: u16,
}

impl Site {
    async fn start() -> Option<Site> {
        let cloud = Cloud::start(Options::default()).await.unwrap();
        cloud.person(ALICE);
        let url: url::Url = cloud.api_url().parse().unwrap();
        let authority = Authority::new();
        let behind = authority.and_then(|ca| ca.stand_before(url.port().unwrap()).map(|tls| (ca, tls)));
        let Some((authority, (tls, port))) = behind else {
            skipped("openssl and python3 are not here to speak TLS");
            return None;
        };
        Some(Site { cloud, authority, tls, port })
    }

    /// Sends a message, and a file that has the same text.
    fn send(&self, text: &str, variables: &[(&str, &str)]) -> (i32, String) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("notes.txt"), text).unwrap();
        let send = |what: &[&str]| {
            let mut command = switchboard();
            command.args(["send", "--to", ALICE]).args(what).current_dir(folder.path());
            command.env("SWITCHBOARD_WEBEX__API_URL", format!("https://localhost:{}/v1", self.port));
            command.env("WEBEX_BOT_TOKEN", self.cloud.bot().token);
            command.env("SWITCHBOARD_WEBEX__CA_FILE", self.authority.root());
            finished(command.envs(variables.iter().copied()))
        };
        let (code, said) = send(&[text]);
        if code != 0 { (code, said) } else { send(&["--file", "notes.txt"]) }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.tls.kill();
        let _ = self.tls.wait();
    }
}

/// A proxy, and the first line of each request for a connection through it.
async fn proxy() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::<Mutex<Vec<_>>>::default();
    let seen = Arc::clone(&asked);
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let seen = Arc::clone(&seen);
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(client.read_u8().await.unwrap());
                }
                let line = String::from_utf8(head).unwrap().lines().next().unwrap().to_owned();
                let target = line.split(' ').nth(1).unwrap().to_owned();
                seen.lock().unwrap().push(line);
                let mut server = TcpStream::connect(target).await.unwrap();
                client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                let _ = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    (url, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_go_through_the_proxy_of_the_environment_unless_it_is_not_for_the_host() {
    let Some(site) = Site::start().await else { return };
    let (proxy, asked) = proxy().await;
    let connect = format!("CONNECT localhost:{} HTTP/1.1", site.port);
    for (text, variables, is_proxied) in [
        ("directly", &[][..], false),
        ("by proxy", &[("HTTPS_PROXY", proxy.as_str())], true),
        ("by proxy of all", &[("all_proxy", &proxy)], true),
        ("to another", &[("HTTPS_PROXY", &proxy), ("NO_PROXY", "example.com")], true),
        ("past it", &[("HTTPS_PROXY", &proxy), ("NO_PROXY", "example.com,localhost")], false),
        ("of plain http", &[("HTTP_PROXY", &proxy)], false),
    ] {
        let (code, said) = site.send(text, variables);
        assert_eq!(code, 0, "{text}: {said}");
        let transcript = site.cloud.transcript();
        assert!(transcript.contains(&format!("bot: {text}\n")), "{transcript}");
        // The message and the file.
        let expected = if is_proxied { vec![connect.clone(); 2] } else { Vec::new() };
        assert_eq!(asked.lock().unwrap().drain(..).collect::<Vec<_>>(), expected, "{text}");
    }
    assert_eq!(site.cloud.messages().len(), 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_goes_to_no_webex_whose_certificate_is_not_trusted() {
    let Some(site) = Site::start().await else { return };
    let other = Authority::new().unwrap();
    let (root, address) = (other.root(), format!("https://127.0.0.1:{}/v1", site.port));
    let (proxy, _) = proxy().await;
    for variables in [&[][..], &[("HTTPS_PROXY", proxy.as_str())]] {
        let with = |name, value| [variables, &[(name, value)]].concat();
        let (code, said) = site.send("in vain", &with("SWITCHBOARD_WEBEX__CA_FILE", &root));
        assert_eq!(code, 1, "{said}");
        assert!(said.contains("Webex cannot be reached (messages): invalid peer certificate"), "{said}");
        let (code, said) = site.send("in vain", &with("SWITCHBOARD_WEBEX__API_URL", &address));
        assert!(code == 1 && said.contains("invalid peer certificate: certificate not valid for name"), "{said}");
    }
    assert!(site.cloud.calls().is_empty());
}
