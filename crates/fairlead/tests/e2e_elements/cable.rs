//! The way from Envoys to the control plane, to be cut.

use std::net::SocketAddr;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// Passes connections on for as long as it is whole.
pub(crate) struct Cable {
    address: SocketAddr,
    whole: watch::Sender<bool>,
    passing: JoinHandle<()>,
}

impl Cable {
    /// A cable to an address.
    pub(crate) async fn to(far: SocketAddr) -> Self {
        let near = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = near.local_addr().unwrap();
        let (whole, watched) = watch::channel(true);
        let passing = tokio::spawn(async move {
            loop {
                let (connection, _) = near.accept().await.unwrap();
                if *watched.borrow() {
                    tokio::spawn(pass(connection, far, watched.clone()));
                }
            }
        });
        Self { address, whole, passing }
    }

    /// Where it begins.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends what goes through it; new connections end at once.
    pub(crate) fn cut(&self) {
        self.whole.send_replace(false);
    }

    /// Lets connections through.
    pub(crate) fn mend(&self) {
        self.whole.send_replace(true);
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.passing.abort();
    }
}

async fn pass(mut near: TcpStream, far: SocketAddr, mut watched: watch::Receiver<bool>) {
    let Ok(mut far) = TcpStream::connect(far).await else { return };
    tokio::select! {
        // An end that is closed by either side is no failure.
        _ = copy_bidirectional(&mut near, &mut far) => {}
        _ = watched.wait_for(|whole| !whole) => {}
    }
}
