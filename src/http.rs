//! The listeners and their limits, and the routes of the public listener: the webhook and the health checks.

mod connections;
mod conversation;
mod routes;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use connections::{Connections, Seat};
use conversation::serve_connection;
pub use routes::Routes;

use crate::config;

/// The pause after a failure to accept a connection. Usually the process has no file descriptor left.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Serves until told to stop; connections then finish what they are doing. When all `server.connections` are taken, the
/// one that has waited longest for its client is closed for a new one. If requests are being worked on over all of
/// them, a new connection may use only the health checks.
pub async fn serve(listener: TcpListener, routes: Routes, settings: config::Server, stop: CancellationToken) {
    let (places, routes) = (Connections::new(&settings), Arc::new(routes));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok(Some((stream, peer, seat))) => {
                let routes = Arc::clone(&routes);
                let conversation = serve_connection(stream, routes, peer, settings.header_limit, seat, stop.clone());
                connections.spawn(conversation);
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted; are there too many open files?");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// The next connection, its client's address and its place. None if its address has its share of places already.
async fn accept(listener: &TcpListener, places: &Connections) -> std::io::Result<Option<(TcpStream, IpAddr, Seat)>> {
    let (stream, peer) = listener.accept().await?;
    let seat = places.seat(peer.ip()).await;
    // It is no failure of ours if the client has left already.
    let _ = stream.set_nodelay(true);
    Ok(seat.map(|seat| (stream, peer.ip(), seat)))
}
