// SPDX-License-Identifier: Apache-2.0

//! Servers and clients over rustls, for tls_rust.py. A client counts what it did.
//!
//!     serve PORT CHAIN KEY                    a server on tokio: HTTP/2 for who asks for it, else HTTP/1.1
//!     ask THREADS|TASKS|HTTP2 VERSION PORT CONNECTIONS REQUESTS    so many requests on each of the connections, which are there
//!                                             at a time; it says "ready" and waits for a line first
//!     ask-late THREADS …                      … and each connection has asked once before
//!     ask-long …                              what is asked first takes several records
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, ServerConfig, SignatureScheme, StreamOwned};
use std::io::{Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Barrier};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::{TlsAcceptor, TlsConnector};

#[cfg(feature = "aws-lc-rs")]
use rustls::crypto::aws_lc_rs as crypto;
#[cfg(not(feature = "aws-lc-rs"))]
use rustls::crypto::ring as crypto;

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// The test's certificate is nobody's.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        crypto::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// As tests name them: 1.2, 1.3, 1.3-chacha; anything else is all there are.
fn provider(version: &str) -> (Arc<CryptoProvider>, Vec<&'static rustls::SupportedProtocolVersion>) {
    let mut provider = crypto::default_provider();
    if version.ends_with("chacha") {
        provider.cipher_suites.retain(|suite| format!("{suite:?}").contains("CHACHA20"));
    }
    let versions = match &version[..version.len().min(3)] {
        "1.2" => vec![&rustls::version::TLS12],
        "1.3" => vec![&rustls::version::TLS13],
        _ => rustls::ALL_VERSIONS.to_vec(),
    };
    (provider.into(), versions)
}

fn client_config(version: &str, protocol: &[u8]) -> Arc<ClientConfig> {
    let (provider, versions) = provider(version);
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    Arc::new(config)
}

fn here() -> ServerName<'static> {
    ServerName::try_from("localhost").unwrap()
}

/// So long are what is asked with and what is answered, in turn.
const SIZES: [usize; 5] = [100, 0, 1, 5000, 40000];
/// Which of them is the first.
static FIRST: AtomicUsize = AtomicUsize::new(0);

fn request(connection: usize, number: usize) -> String {
    let size = SIZES[(FIRST.load(Relaxed) + number) % SIZES.len()];
    format!("POST /rust/{connection}/{number} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n{}", "a".repeat(size))
}

/// Whether a message is there whole, and how long it is. All of them have a length.
fn whole(message: &[u8]) -> Option<usize> {
    let head = message.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&message[..head]).to_lowercase();
    let length: usize = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok()).unwrap_or(0);
    (message.len() >= head + length).then_some(head + length)
}

/// Whether this, if it is a whole answer, is the right one.
fn answered(answer: &[u8]) -> Option<bool> {
    whole(answer).map(|length| length == answer.len() && answer.starts_with(b"HTTP/1.1 200"))
}

// --- a client of threads -----------------------------------------------------------------------------------------------------

type Stream = StreamOwned<ClientConnection, std::net::TcpStream>;

fn ask(stream: &mut Stream, connection: usize, number: usize) -> Result<bool, Failed> {
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    stream.write_all(request(connection, number).as_bytes())?;
    loop {
        let n = stream.read(&mut piece)?;
        answer.extend_from_slice(&piece[..n]);
        if let Some(right) = answered(&answer) {
            return Ok(right);
        }
        if n == 0 {
            return Ok(false);
        }
    }
}

fn asks(config: Arc<ClientConfig>, port: u16, connection: usize, requests: usize, late: Option<&Barrier>) -> Result<usize, Failed> {
    let session = ClientConnection::new(config, here())?;
    let mut stream = StreamOwned::new(session, std::net::TcpStream::connect(("127.0.0.1", port))?);
    let mut right = 0;
    if let Some(barrier) = late {
        right += ask(&mut stream, connection, requests)? as usize;
        barrier.wait();
        barrier.wait();
    }
    for number in 0..requests {
        right += ask(&mut stream, connection, number)? as usize;
    }
    stream.conn.send_close_notify();
    stream.conn.complete_io(&mut stream.sock)?;
    Ok(right)
}

fn line_read() {
    println!("ready");
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

fn ask_by_threads(config: Arc<ClientConfig>, port: u16, connections: usize, requests: usize, late: bool) -> usize {
    let barrier = Barrier::new(connections + 1);
    std::thread::scope(|scope| {
        if !late {
            line_read();
        }
        let all: Vec<_> = (0..connections)
            .map(|i| {
                let config = config.clone();
                let barrier = late.then_some(&barrier);
                scope.spawn(move || asks(config, port, i, requests, barrier).unwrap())
            })
            .collect();
        if late {
            barrier.wait();
            line_read();
            barrier.wait();
        }
        all.into_iter().map(|one| one.join().unwrap()).sum()
    })
}

// --- clients on tokio --------------------------------------------------------------------------------------------------------

async fn ask_task(config: Arc<ClientConfig>, port: u16, connection: usize, requests: usize) -> Result<usize, Failed> {
    let socket = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
    let mut stream = TlsConnector::from(config).connect(here(), socket).await?;
    let mut right = 0;
    for number in 0..requests {
        let mut answer = Vec::new();
        stream.write_all(request(connection, number).as_bytes()).await?;
        right += loop {
            if stream.read_buf(&mut answer).await? == 0 {
                break 0;
            }
            if let Some(right) = answered(&answer) {
                break right as usize;
            }
        };
    }
    stream.shutdown().await?;
    Ok(right)
}

async fn ask_http2(config: Arc<ClientConfig>, port: u16, connection: usize, requests: usize) -> Result<usize, Failed> {
    let socket = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
    let stream = TlsConnector::from(config).connect(here(), socket).await?;
    let (sender, driver) = h2::client::handshake(stream).await?;
    let driver = tokio::spawn(driver);
    let mut sender = sender.ready().await?;
    let mut right = 0;
    for number in 0..requests {
        let request = http::Request::get(format!("https://localhost/rust/{connection}/{number}")).body(())?;
        let (response, _) = sender.send_request(request, true)?;
        let mut response = response.await?;
        while let Some(piece) = response.body_mut().data().await {
            let _ = response.body_mut().flow_control().release_capacity(piece?.len());
        }
        right += (response.status() == 200) as usize;
        sender = sender.ready().await?;
    }
    drop(sender);
    let _ = driver.await?;
    Ok(right)
}

async fn ask_by_tasks(config: Arc<ClientConfig>, port: u16, connections: usize, requests: usize, http2: bool) -> usize {
    line_read();
    let all: Vec<_> = (0..connections)
        .map(|i| {
            let config = config.clone();
            tokio::spawn(async move {
                match http2 {
                    true => ask_http2(config, port, i, requests).await,
                    false => ask_task(config, port, i, requests).await,
                }
                .unwrap()
            })
        })
        .collect();
    let mut right = 0;
    for one in all {
        right += one.await.unwrap();
    }
    right
}

// --- a server on tokio -------------------------------------------------------------------------------------------------------

type Served = tokio_rustls::server::TlsStream<tokio::net::TcpStream>;

/// The next request does not come before this one's answer, which is as long.
async fn serve_http1(mut stream: Served) -> Result<(), Failed> {
    let mut request = Vec::with_capacity(1 << 16);
    while stream.read_buf(&mut request).await? > 0 {
        let Some(length) = whole(&request) else { continue };
        let head = request.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {0}\r\n\r\n{1}", length - head, "b".repeat(length - head));
        request.drain(..length);
        stream.write_all(answer.as_bytes()).await?;
        stream.flush().await?;
    }
    stream.shutdown().await?;
    Ok(())
}

async fn serve_http2(stream: Served) -> Result<(), Failed> {
    let mut connection = h2::server::handshake(stream).await?;
    while let Some(request) = connection.accept().await {
        let (_, mut respond) = request?;
        let mut body = respond.send_response(http::Response::new(()), false)?;
        body.send_data(bytes::Bytes::from_static(b"hello"), true)?;
    }
    Ok(())
}

async fn serve(port: u16, chain: &str, key: &str) {
    let (provider, versions) = provider("");
    let chain = CertificateDer::pem_file_iter(chain).unwrap().map(Result::unwrap).collect();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_file(key).unwrap())
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(socket).await else { return }; // who only looks whether it answers
            let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            // What a client leaves behind is its own affair.
            let _ = if http2 { serve_http2(stream).await } else { serve_http1(stream).await };
        });
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let args: Vec<&str> = args[1..].iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    match args[..] {
        ["serve", port, chain, key] => runtime.block_on(serve(port.parse().unwrap(), chain, key)),
        [what, way, version, port, connections, requests] => {
            let (port, connections, requests) = (port.parse().unwrap(), connections.parse().unwrap(), requests.parse().unwrap());
            let http2 = way == "HTTP2";
            let config = client_config(version, if http2 { b"h2" } else { b"http/1.1" });
            if what == "ask-long" {
                FIRST.store(SIZES.len() - 1, Relaxed);
            }
            let right = match way {
                "THREADS" => ask_by_threads(config, port, connections, requests, what == "ask-late"),
                _ => runtime.block_on(ask_by_tasks(config, port, connections, requests, http2)),
            };
            println!("{right}");
        }
        _ => panic!("see the beginning of main.rs"),
    }
}
