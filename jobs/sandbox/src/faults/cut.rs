//! Cutting a connection: the handle that a request carries, and the socket that obeys it.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_util::sync::CancellationToken;

/// The handle by which a request ends its own connection; in the extensions of every request.
#[derive(Debug, Clone, Default)]
pub struct Cut {
    ended: CancellationToken,
    resets: Arc<AtomicBool>,
}

impl Cut {
    /// Ends the connection with a reset, and never returns.
    pub async fn reset(&self) -> ! {
        self.resets.store(true, Ordering::Release);
        self.ended.cancel();
        std::future::pending().await
    }

    /// Waits until the connection is to end.
    pub async fn asked(&self) {
        self.ended.cancelled().await;
    }

    /// Returns `stream`, which is reset rather than closed once [`Cut::reset`] was called.
    pub fn socket(&self, stream: TcpStream) -> Socket {
        Socket { stream, resets: Arc::clone(&self.resets) }
    }
}

/// A socket that can be reset.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
    resets: Arc<AtomicBool>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.resets.load(Ordering::Acquire) {
            // Closing without lingering is what sends the reset; failing that, it is closed.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
