//! How much memory it takes to look at an account whose owner makes every answer as large as EC2 lets it: fifty tags of
//! 384 characters on each instance. Over HTTP, from a service that keeps nothing of what it sends.
#![cfg(test)]
#![cfg(target_os = "linux")]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;

use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::net::{TcpListener, TcpStream};

use aws_sdk_ec2::Client;
use runawaytrain_core::resource::{Kind, Sight};
use runawaytrain_core::vocabulary::ids::Region;
use runawaytrain_engine::ports::Look;

use common::{Watch, account, keys, ports, scene, settings};

/// Of a thousand, one page took 139 MB, and pages of a hundred 20 MB.
const INSTANCES: usize = 600;

/// A service on a port of its own.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            // It ends when the client hangs up, which is an error of the write or an empty read.
            std::thread::spawn(move || drop(answer_all(connection)));
        }
    });
    address
}

fn answer_all(connection: TcpStream) -> std::io::Result<()> {
    let (mut incoming, mut outgoing) = (BufReader::new(connection.try_clone()?), connection);
    loop {
        let (mut line, mut length) = (String::new(), 0);
        while {
            line.clear();
            incoming.read_line(&mut line)? > 2
        } {
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap();
            }
        }
        if length == 0 {
            return Ok(());
        }
        let mut body = vec![0; length];
        incoming.read_exact(&mut body)?;
        let asked = String::from_utf8(body).unwrap();
        write!(outgoing, "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        if asked.contains("Action=AssumeRole") {
            let keys = "<AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>";
            let session = "<SessionToken>token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>";
            let result = format!("<AssumeRoleResult><Credentials>{keys}{session}</Credentials></AssumeRoleResult>");
            chunk(&mut outgoing, &format!("<AssumeRoleResponse>{result}</AssumeRoleResponse>"))?;
        } else {
            page(&mut outgoing, &asked)?;
        }
        write!(outgoing, "0\r\n\r\n")?;
    }
}

fn chunk(to: &mut TcpStream, text: &str) -> std::io::Result<()> {
    write!(to, "{:x}\r\n{text}\r\n", text.len())
}

/// One page, instance by instance.
fn page(to: &mut TcpStream, asked: &str) -> std::io::Result<()> {
    let number = |name: &str| asked.split('&').find_map(|word| word.strip_prefix(name)?.parse().ok());
    let (from, size): (usize, usize) = (number("NextToken=").unwrap_or(0), number("MaxResults=").unwrap());
    let until = (from + size).min(INSTANCES);
    // Characters of four bytes, as EC2 takes them.
    let (key, value) = ("\u{1f682}".repeat(126), "\u{1f682}".repeat(256));
    let tags: String =
        (0..50).map(|tag| format!("<item><key>{tag:02}{key}</key><value>{value}</value></item>")).collect();
    chunk(to, "<DescribeInstancesResponse><reservationSet>")?;
    for instance in from..until {
        let state = "<instanceState><name>running</name></instanceState><instanceType>t2.nano</instanceType>";
        let one = format!("<instanceId>i-{instance:017x}</instanceId>{state}<tagSet>{tags}</tagSet>");
        chunk(to, &format!("<item><instancesSet><item>{one}</item></instancesSet></item>"))?;
    }
    let next = if until < INSTANCES { format!("<nextToken>{until}</nextToken>") } else { String::new() };
    chunk(to, &format!("</reservationSet>{next}</DescribeInstancesResponse>"))
}

/// The most memory that the process had since the last time, beyond what it had then, in MB.
struct Peak(u64);

impl Peak {
    fn from_now() -> Self {
        // https://docs.kernel.org/filesystems/proc.html: 5 sets the peak to what is used now.
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        Self(status("VmRSS:"))
    }

    fn megabytes(&self) -> u64 {
        (status("VmHWM:") - self.0) / 1024
    }
}

fn status(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test]
async fn a_region_with_the_largest_answers_is_taken_in_page_by_page() {
    let (endpoint, watched) = (serve(), account("111111111111"));
    let observer = ports(&endpoint, "AKIDEXAMPLE", &settings("table", &account("100000000000")), Watch::new()).observer;
    let look = Look::at(Kind::Instances, Some(&Region::new("us-east-1")));
    let peak = Peak::from_now();
    let Ok(Sight::Instances(seen)) = observer.look(&watched, &look).await else { panic!("not seen") };
    assert_eq!(seen.len(), INSTANCES);
    let one_region = peak.megabytes();

    // What it was to take in all of one region at once.
    let client = Client::new(&scene(&endpoint, "us-east-1", keys("AKIDEXAMPLE", "secret")));
    let peak = Peak::from_now();
    let whole = client.describe_instances().max_results(1000).send().await.unwrap();
    assert_eq!(whole.reservations().len(), INSTANCES);
    let one_page = peak.megabytes();

    println!("{INSTANCES} instances of 80 KB: {one_page} MB in one page, {one_region} MB as they are looked at");
    assert!(one_page > 60, "the answers are not as large as they should be: {one_page} MB");
    assert!(one_region < one_page / 2, "{one_region} MB of {one_page} MB");
}
