//! The capacity of loopback itself: the same bytes to as many connections, without any protocol.

use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::settings::Failure;

/// Size of a write by a server without a protocol: that of the chunks of response bodies.
pub(crate) const CHUNK: usize = 64 << 10;
/// Size of a write under HTTP/2: a frame of the largest size that Envoy accepts by default.
pub(crate) const FRAME: usize = (16 << 10) + 9;

/// Measures the time to copy `bytes_each` to each of `connections` open connections, `piece` bytes at once, with both
/// ends in this process.
pub(crate) async fn copy(connections: usize, bytes_each: usize, piece: usize) -> Result<Duration, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let mut pairs = Vec::new();
    for _ in 0..connections {
        let reader = TcpStream::connect(address).await?;
        let (writer, _) = listener.accept().await?;
        writer.set_nodelay(true)?;
        pairs.push((reader, writer));
    }
    let chunk = Bytes::from(vec![0x5a; piece]);
    let mut tasks: JoinSet<std::io::Result<()>> = JoinSet::new();
    let began = Instant::now();
    for (mut reader, mut writer) in pairs {
        let chunk = chunk.clone();
        tasks.spawn(async move {
            let mut left = bytes_each;
            while left > 0 {
                let part = left.min(piece);
                writer.write_all(&chunk[..part]).await?;
                left -= part;
            }
            Ok(())
        });
        tasks.spawn(async move {
            let mut buffer = vec![0; 16 << 10];
            let mut left = bytes_each;
            while left > 0 {
                let read = reader.read(&mut buffer).await?;
                if read == 0 {
                    return Err(std::io::ErrorKind::UnexpectedEof.into());
                }
                left = left.saturating_sub(read);
            }
            Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(began.elapsed())
}
