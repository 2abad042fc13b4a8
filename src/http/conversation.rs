//! One connection: answers its requests, and ends it when its client takes too long or its place is needed.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use hyper::Request;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::connections::{Phase, Seat};
use super::routes::Routes;

/// The smallest buffer for reading a header. The library accepts no smaller one.
const SMALLEST_BUFFER: usize = 8192;

/// The longest time before it is checked again whether a client takes too long.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Serves a connection from this address. Its errors are caused by the client, and are not logged.
pub(super) async fn serve_connection(
    stream: TcpStream,
    routes: Arc<Routes>,
    peer: IpAddr,
    header_limit: usize,
    seat: Seat,
    stop: CancellationToken,
) {
    let seat = Arc::new(seat);
    let asked = Arc::clone(&seat);
    let service = service_fn(move |request: Request<Incoming>| {
        let (seat, routes) = (Arc::clone(&asked), Arc::clone(&routes));
        let is_whole = request.body().is_end_stream();
        seat.is_at(if is_whole { Phase::Working } else { Phase::Body });
        async move {
            let request = request.map(|body| Watched { inner: body, seat: Arc::clone(&seat) });
            let answer = routes.answer(request, peer, seat.is_spare).await;
            seat.is_at(Phase::Idle);
            Ok::<_, Infallible>(answer)
        }
    });
    let connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_buf_size(header_limit.max(SMALLEST_BUFFER))
        .max_header_size(header_limit)
        .keep_alive(!seat.is_spare)
        .serve_connection(TokioIo::new(Watched { inner: stream, seat: Arc::clone(&seat) }), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        biased;
        _ = &mut connection => return,
        () = seat.lost.cancelled() => return,
        () = overdue(&seat) => return,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        _ = connection => {}
        () = overdue(&seat) => {}
    }
}

/// Waits until the client has taken too long.
async fn overdue(seat: &Seat) {
    loop {
        let left = seat.time_left().unwrap_or(LOOK_AGAIN);
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(LOOK_AGAIN)).await;
    }
}

/// A stream, or the body of a request, that tells its seat when bytes come from the client.
struct Watched<T> {
    inner: T,
    seat: Arc<Seat>,
}

impl AsyncRead for Watched<TcpStream> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.seat.received();
        }
        Poll::Ready(Ok(()))
    }
}

/// Without vectored writes: answers are short, and copying the body to its header takes less time than a second slice
/// takes the kernel.
impl AsyncWrite for Watched<TcpStream> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl HttpBody for Watched<Incoming> {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if frame.is_none() || self.inner.is_end_stream() {
            self.seat.is_at(Phase::Working);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
