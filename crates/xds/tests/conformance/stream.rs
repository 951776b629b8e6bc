//! A client of a script with a stream.

use envoy_types::pb::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
    aggregated_discovery_service_client::AggregatedDiscoveryServiceClient,
};
use fairlead_xds::Protocol;
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Code, Status, Streaming, transport::Endpoint};

use crate::{
    script::{Ask, Client, Received, Request},
    world::{PATIENCE, PROBE, World},
};

/// The stream; without a sender the client has closed its half.
enum Wire {
    Delta(Option<mpsc::UnboundedSender<DeltaDiscoveryRequest>>, Streaming<DeltaDiscoveryResponse>),
    StateOfTheWorld(Option<mpsc::UnboundedSender<DiscoveryRequest>>, Streaming<DiscoveryResponse>),
}

/// One stream.
pub(crate) struct Stream {
    wire: Wire,
    client: Client,
    /// The revision that the probe has shown.
    shown: u64,
    probed: bool,
}

impl Stream {
    pub(crate) async fn open(world: &World, protocol: Protocol, client: Client) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{}", world.address)).unwrap();
        let mut grpc = AggregatedDiscoveryServiceClient::new(endpoint.connect().await.unwrap())
            .max_decoding_message_size(usize::MAX);
        let wire = match protocol {
            Protocol::Delta => {
                let (sender, requests) = mpsc::unbounded_channel();
                let stream = grpc.delta_aggregated_resources(UnboundedReceiverStream::new(requests));
                Wire::Delta(Some(sender), stream.await.unwrap().into_inner())
            }
            Protocol::StateOfTheWorld => {
                let (sender, requests) = mpsc::unbounded_channel();
                let stream = grpc.stream_aggregated_resources(UnboundedReceiverStream::new(requests));
                Wire::StateOfTheWorld(Some(sender), stream.await.unwrap().into_inner())
            }
        };
        Self { wire, client, shown: 0, probed: false }
    }

    pub(crate) fn into_client(self) -> Client {
        self.client
    }

    pub(crate) fn half_close(self) -> Self {
        let wire = match self.wire {
            Wire::Delta(_, responses) => Wire::Delta(None, responses),
            Wire::StateOfTheWorld(_, responses) => Wire::StateOfTheWorld(None, responses),
        };
        Self { wire, ..self }
    }

    /// Sends a request. Sends into a stream that the server has ended are lost, as they would be in a network.
    pub(crate) fn ask(&mut self, ask: Ask) {
        match (&self.wire, self.client.request(ask)) {
            (Wire::Delta(Some(sender), _), Request::Delta(request)) => drop(sender.send(request)),
            (Wire::StateOfTheWorld(Some(sender), _), Request::StateOfTheWorld(request)) => {
                drop(sender.send(request));
            }
            _ => panic!("the client has closed its half"),
        }
    }

    /// The next response that is not of the probe; probes are acknowledged.
    pub(crate) async fn next(&mut self) -> Result<Received, Status> {
        loop {
            let received = self.receive().await?;
            if !self.is_probe(&received) {
                return Ok(received);
            }
        }
    }

    /// Proves that the server has nothing to say: it has seen all requests and the newest revision when a probe
    /// comes back, and responses come in the order in which they are decided.
    pub(crate) async fn quiet(&mut self, revision: u64) -> Result<(), String> {
        let mut round_trips = 0;
        let mut asked = false;
        while round_trips < 2 || self.shown < revision {
            if !asked {
                let first = !std::mem::replace(&mut self.probed, true);
                let names = matches!(self.wire, Wire::Delta(..)) || first;
                self.ask(Ask::read(if names { "LEDS +probe nonce:none" } else { "LEDS nonce:none" }));
            }
            let received = self.receive().await.map_err(|status| format!("silence, not {status:?}"))?;
            if !self.is_probe(&received) {
                return Err(format!("silence, not {received:?}"));
            }
            round_trips += 1;
            // An older revision is shown before its successor comes by itself.
            asked = self.shown < revision;
        }
        Ok(())
    }

    /// Waits for the end of the stream. Nothing else may come.
    pub(crate) async fn end(&mut self) -> Result<Code, String> {
        match self.next().await {
            Ok(received) => Err(format!("the end, not {received:?}")),
            Err(status) => Ok(status.code()),
        }
    }

    fn is_probe(&mut self, received: &Received) -> bool {
        let probe = received.type_url == PROBE.0.as_str();
        if probe {
            let shown = received.words.iter().find_map(|w| w.strip_prefix("probe="));
            self.shown = shown.map_or(self.shown, |revision| revision.parse().unwrap());
            self.ask(Ask::read("LEDS ack"));
        }
        probe
    }

    async fn receive(&mut self) -> Result<Received, Status> {
        let ended = || Status::ok("the stream has ended");
        let late = |_| Status::deadline_exceeded("nothing came");
        let received = match &mut self.wire {
            Wire::Delta(_, responses) => Received::delta(
                timeout(PATIENCE, responses.message()).await.map_err(late)??.ok_or_else(ended)?,
            ),
            Wire::StateOfTheWorld(_, responses) => Received::whole(
                timeout(PATIENCE, responses.message()).await.map_err(late)??.ok_or_else(ended)?,
            ),
        };
        self.client.receive(&received);
        Ok(received)
    }
}
