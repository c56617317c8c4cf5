//! The bytes under HTTP: a TCP connection, or TLS over one, which may run through another.

use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::rt::ReadBufCursor;
use openssl::ssl::{self, ErrorCode, HandshakeError, Ssl, SslStream};
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::status_line::StatusLine;
use super::trouble::{BoxError, HandshakeFailed};

/// How many bytes are read at once: the longest record of TLS (RFC 8446, 5.1).
const CHUNK: usize = 16 * 1024;

/// A connection, whose calls never wait: [`io::ErrorKind::WouldBlock`] says that there is nothing to be done now.
pub(super) enum Stream {
    /// Plain.
    Tcp(TcpStream),
    /// Encrypted.
    Tls(Box<SslStream<Stream>>),
}

impl Stream {
    /// Makes it an encrypted one.
    pub(super) async fn encrypt(self, ssl: Ssl) -> Result<Stream, BoxError> {
        let mut shaken = ssl.connect(self);
        loop {
            match shaken {
                Ok(stream) => return Ok(Stream::Tls(Box::new(stream))),
                Err(HandshakeError::WouldBlock(unfinished)) => {
                    let interest = match unfinished.error().code() {
                        ErrorCode::WANT_WRITE => Interest::WRITABLE,
                        _ => Interest::READABLE,
                    };
                    unfinished.get_ref().tcp().ready(interest).await?;
                    shaken = unfinished.handshake();
                }
                Err(HandshakeError::Failure(failed)) => {
                    let verdict = failed.ssl().verify_result();
                    return Err(HandshakeFailed::of(failed.into_error(), verdict).into());
                }
                Err(HandshakeError::SetupFailure(error)) => {
                    return Err(HandshakeFailed::from(ssl::Error::from(error)).into());
                }
            }
        }
    }

    /// The certificate of whoever is at the other end, in its DER form.
    pub(super) fn certificate(&self) -> Option<Vec<u8>> {
        match self {
            Stream::Tcp(_) => None,
            Stream::Tls(stream) => stream.ssl().peer_certificate().and_then(|found| found.to_der().ok()),
        }
    }

    /// The connection at the bottom.
    pub(super) fn tcp(&self) -> &TcpStream {
        match self {
            Stream::Tcp(tcp) => tcp,
            Stream::Tls(stream) => stream.get_ref().tcp(),
        }
    }

    /// Writes all of it.
    pub(super) async fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = poll_fn(|context| self.poll(context, |stream| write_now(stream, bytes))).await?;
            bytes = bytes.get(written..).unwrap_or_default();
        }
        Ok(())
    }

    /// The next byte; `None` at the end.
    pub(super) async fn read_byte(&mut self) -> io::Result<Option<u8>> {
        let mut byte = [0; 1];
        let taken = poll_fn(|context| self.poll(context, |stream| read_now(stream, &mut byte))).await?;
        Ok(byte.first().copied().filter(|_| taken > 0))
    }

    /// Does something now, or waits until it may be worth trying again.
    fn poll<T>(
        &mut self,
        context: &mut Context<'_>,
        mut work: impl FnMut(&mut Stream) -> Result<T, Wait>,
    ) -> Poll<io::Result<T>> {
        loop {
            match work(self) {
                Ok(done) => return Poll::Ready(Ok(done)),
                Err(Wait::Read) => ready!(self.tcp().poll_read_ready(context))?,
                Err(Wait::Write) => ready!(self.tcp().poll_write_ready(context))?,
                Err(Wait::Failed(error)) => return Poll::Ready(Err(error)),
            }
        }
    }
}

/// Why nothing can be done now.
enum Wait {
    Read,
    Write,
    Failed(io::Error),
}

impl Wait {
    /// For a connection that isn't encrypted, `usual` is what it waits for.
    fn of(error: io::Error, usual: Wait) -> Wait {
        if error.kind() == io::ErrorKind::WouldBlock { usual } else { Wait::Failed(error) }
    }

    /// OpenSSL may have to read in order to write, and the other way round.
    fn of_tls(error: ssl::Error) -> Wait {
        match error.code() {
            ErrorCode::WANT_READ => Wait::Read,
            ErrorCode::WANT_WRITE => Wait::Write,
            _ => Wait::Failed(error.into_io_error().unwrap_or_else(io::Error::other)),
        }
    }
}

fn read_now(stream: &mut Stream, buffer: &mut [u8]) -> Result<usize, Wait> {
    match stream {
        Stream::Tcp(tcp) => tcp.try_read(buffer).map_err(|error| Wait::of(error, Wait::Read)),
        Stream::Tls(tls) => match tls.ssl_read(buffer) {
            // The other end has said that it ends the connection.
            Err(error) if error.code() == ErrorCode::ZERO_RETURN => Ok(0),
            // It has ended it without a word.
            Err(error) if error.code() == ErrorCode::SYSCALL && error.io_error().is_none() => Ok(0),
            other => other.map_err(Wait::of_tls),
        },
    }
}

fn write_now(stream: &mut Stream, bytes: &[u8]) -> Result<usize, Wait> {
    match stream {
        Stream::Tcp(tcp) => tcp.try_write(bytes).map_err(|error| Wait::of(error, Wait::Write)),
        Stream::Tls(tls) => tls.ssl_write(bytes).map_err(Wait::of_tls),
    }
}

/// For OpenSSL, which calls it again after what it asks to wait for.
impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match read_now(self, buffer) {
            Ok(taken) => Ok(taken),
            Err(Wait::Failed(error)) => Err(error),
            Err(Wait::Read | Wait::Write) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match write_now(self, bytes) {
            Ok(written) => Ok(written),
            Err(Wait::Failed(error)) => Err(error),
            Err(Wait::Read | Wait::Write) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A connection whose answers have their first lines noted.
pub(super) struct Noting {
    pub(super) stream: Stream,
    pub(super) status_line: StatusLine,
}

impl hyper::rt::Read for Noting {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut chunk = [0; CHUNK];
        let most = buffer.remaining().min(CHUNK);
        let (chunk, _) = chunk.split_at_mut(most);
        let taken = ready!(self.stream.poll(context, |stream| read_now(stream, chunk)))?;
        let taken = chunk.get(..taken).unwrap_or_default();
        self.status_line.take(taken);
        buffer.put_slice(taken);
        Poll::Ready(Ok(()))
    }
}

impl hyper::rt::Write for Noting {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream.poll(context, |stream| write_now(stream, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Says goodbye, and waits for no answer to it.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll(context, |stream| match stream {
            Stream::Tcp(tcp) => shut(tcp).map_err(Wait::Failed),
            Stream::Tls(tls) => match tls.shutdown() {
                Ok(_) => Ok(()),
                Err(error) if error.code() == ErrorCode::ZERO_RETURN => Ok(()),
                Err(error) => Err(Wait::of_tls(error)),
            },
        })
    }
}

/// Ends the sending direction.
fn shut(tcp: &TcpStream) -> io::Result<()> {
    Ok(rustix::net::shutdown(tcp, rustix::net::Shutdown::Write)?)
}
