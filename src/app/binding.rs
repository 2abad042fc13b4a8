//! Binds listeners, and says why a port cannot be listened on and what to do about it.

use std::io::ErrorKind;
use std::net::SocketAddr;

use tokio::net::TcpListener;

/// Binds the address of a setting.
///
/// # Errors
/// The address cannot be bound. The error says why and what to do. `others` are our own listeners, each with its
/// setting, since one of them may have the port.
pub(crate) async fn bind(address: SocketAddr, key: &str, others: &[(SocketAddr, &str)]) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let why = hint(address, &error, others);
        anyhow::Error::new(error).context(format!("{key}: cannot listen on {address}; {why}"))
    })
}

/// What to do if an address cannot be listened on.
pub(crate) fn hint(address: SocketAddr, error: &std::io::Error, others: &[(SocketAddr, &str)]) -> String {
    let port = address.port();
    let is_theirs = |other: &SocketAddr| {
        let both = [other.ip(), address.ip()];
        port != 0 && other.port() == port && (both[0] == both[1] || both.iter().any(std::net::IpAddr::is_unspecified))
    };
    match error.kind() {
        ErrorKind::AddrInUse => match others.iter().find(|(other, _)| is_theirs(other)) {
            Some((_, other)) => format!("{other} has this port already: give each a port of its own"),
            None => "another program uses the port: stop that one, or take another port (`ss -ltnp` shows whose it is)"
                .to_owned(),
        },
        ErrorKind::AddrNotAvailable => {
            format!("this machine has no address {}: name one that it has, or 0.0.0.0 for all of them", address.ip())
        }
        ErrorKind::PermissionDenied => {
            format!("this user may not listen on port {port}: take one above 1023, or let the system allow it")
        }
        _ => "see that the address is one of this machine".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_of_our_own_is_told_from_one_of_another_program() {
        let (public, admin) = (SocketAddr::from(([127, 0, 0, 1], 8080)), SocketAddr::from(([0, 0, 0, 0], 8080)));
        let taken = std::io::Error::from(ErrorKind::AddrInUse);
        let ours = hint(admin, &taken, &[(public, "server.listen")]);
        assert_eq!(ours, "server.listen has this port already: give each a port of its own");
        assert!(hint(admin, &taken, &[]).starts_with("another program uses the port"));
        for other in [ErrorKind::AddrNotAvailable, ErrorKind::PermissionDenied, ErrorKind::Other] {
            assert!(!hint(admin, &std::io::Error::from(other), &[]).contains("another program"), "{other}");
        }
    }
}
