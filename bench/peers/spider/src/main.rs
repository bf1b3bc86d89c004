//! The driver of the crate `spider`: one measurement, its settings and results as JSON.
//!
//! Reads a task from standard input. `crawl` is a crawl of the loopback web, with a `Website` for each
//! host, since the crate's delay is one for each `Website`; all run at once. `gate` decides on prepared
//! links, without fetching. `loop` is the crate's own loop with a fetcher that answers at once.
//!
//! Set up as its documents say is best: release build, mimalloc, a channel that holds every page, at
//! least two permits (with one a crawl can end early), visited links in memory.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{json, Value};
use spider::fetcher::{FetchContext, RemoteFetcher};
use spider::tokio::sync::broadcast::error::RecvError;
use spider::utils::PageResponse;
use spider::website::Website;
use spider::CaseInsensitiveString;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const FAN_OUT: u64 = 10;

#[derive(Deserialize)]
struct Task {
    mode: String,
    #[serde(default)]
    seeds: Vec<String>,
    #[serde(default)]
    proxies: Vec<String>,
    #[serde(default)]
    delay_ms: u64,
    #[serde(default)]
    at_once: usize,
    #[serde(default)]
    retries: u8,
    #[serde(default)]
    timeout_s: u64,
    #[serde(default)]
    user_agent: String,
    #[serde(default)]
    capacity: usize,
    #[serde(default)]
    consume_ms: u64,
    max_pages: Option<u32>,
    #[serde(default)]
    pages: u64,
}

#[tokio::main]
async fn main() {
    let task: Task = serde_json::from_reader(std::io::stdin()).expect("a task in JSON");
    let result = match task.mode.as_str() {
        "crawl" => crawl(task).await,
        "gate" => gate(task.pages).await,
        "loop" => run_loop(task.pages, task.at_once).await,
        other => panic!("no such mode: {other}"),
    };
    println!("{result}");
}

/// Crawl every host at once and consume all pages one after another.
async fn crawl(task: Task) -> Value {
    let permits = std::cmp::max(2, task.at_once / task.seeds.len());
    let task = Arc::new(task);
    let received = Arc::new(AtomicU64::new(0));
    let lagged = Arc::new(AtomicU64::new(0));
    let consumer = Arc::new(tokio::sync::Mutex::new(()));
    let began = Instant::now();
    let mut crawls = Vec::new();
    for seed in task.seeds.clone() {
        let (task, received) = (task.clone(), received.clone());
        let (lagged, consumer) = (lagged.clone(), consumer.clone());
        crawls.push(tokio::spawn(async move {
            let mut website = website(&seed, &task, permits);
            let mut pages = website.subscribe(task.capacity);
            let consuming = tokio::spawn(async move {
                loop {
                    match pages.recv().await {
                        Ok(page) => {
                            let _one_at_a_time = consumer.lock().await;
                            if task.consume_ms > 0 {
                                tokio::time::sleep(Duration::from_millis(task.consume_ms)).await;
                            }
                            if page.status_code.is_success() {
                                received.fetch_add(1, Ordering::Relaxed);
                            }
                        }
                        Err(RecvError::Lagged(count)) => {
                            lagged.fetch_add(count, Ordering::Relaxed);
                        }
                        Err(RecvError::Closed) => break,
                    }
                }
            });
            website.crawl().await;
            let crawled = began.elapsed();
            website.unsubscribe();
            drop(website);
            consuming.await.expect("a consumer");
            crawled
        }));
    }
    let mut wall = Duration::ZERO;
    for each in crawls {
        wall = wall.max(each.await.expect("a crawl"));
    }
    json!({
        "program": "spider 2.52.4",
        "settings": {
            "features": "default", "allocator": "mimalloc",
            "websites": task.seeds.len(), "with_concurrency_limit": permits,
            "with_delay": task.delay_ms, "with_respect_robots_txt": true,
            "with_limit": task.max_pages, "with_retry": task.retries, "with_request_timeout": task.timeout_s,
            "with_depth": 0, "with_normalize": false, "with_return_page_links": false,
            "subscribe": task.capacity,
            "LINKS_VISITED_MEMORY_LIMIT": std::env::var("LINKS_VISITED_MEMORY_LIMIT").ok(),
        },
        "received": received.load(Ordering::Relaxed),
        "lagged": lagged.load(Ordering::Relaxed),
        "wall_s": wall.as_secs_f64(),
    })
}

fn website(seed: &str, task: &Task, permits: usize) -> Website {
    let mut website = Website::new(seed);
    website
        .with_respect_robots_txt(true)
        .with_delay(task.delay_ms)
        .with_concurrency_limit(Some(permits))
        .with_retry(task.retries)
        .with_depth(0)
        .with_user_agent(Some(&task.user_agent))
        .with_request_timeout(Some(Duration::from_secs(task.timeout_s)))
        .with_normalize(false)
        .with_return_page_links(false);
    if let Some(limit) = task.max_pages {
        website.with_limit(limit);
    }
    if !task.proxies.is_empty() {
        website.with_proxies(Some(task.proxies.clone()));
    }
    website.build().expect("a seed that is a URL")
}

/// Decide on links that are all new: what the loop asks of each link before it fetches it.
async fn gate(pages: u64) -> Value {
    let links: Vec<CaseInsensitiveString> = (0..pages)
        .map(|number| CaseInsensitiveString::from(format!("http://h0.example/p/{number}").as_str()))
        .collect();
    let mut website = Website::new("http://h0.example/").build().expect("a URL");
    website.configure_setup().await;
    let (began, cpu) = (Instant::now(), cpu_s());
    let mut allowed = 0u64;
    for link in &links {
        if website.is_allowed(link) == spider::website::ProcessLinkStatus::Allowed {
            website.insert_link(link).await;
            allowed += 1;
        }
    }
    json!({
        "program": "spider 2.52.4", "settings": {"mode": "gate"}, "decisions": allowed,
        "wall_s": began.elapsed().as_secs_f64(), "cpu_s": cpu_s() - cpu,
    })
}

/// A tree of pages that has no network below it.
struct Tree {
    pages: u64,
}

#[async_trait::async_trait]
impl RemoteFetcher for Tree {
    async fn fetch(&self, ctx: FetchContext<'_>) -> PageResponse {
        let number: u64 = ctx.url.rsplit('/').next().and_then(|text| text.parse().ok()).unwrap_or(0);
        let links: String = (1..=FAN_OUT)
            .map(|child| number * FAN_OUT + child)
            .filter(|child| *child < self.pages)
            .map(|child| format!("<a href=\"/p/{child}\">page {child}</a>\n"))
            .collect();
        let mut response = PageResponse::default();
        response.status_code = spider::reqwest::StatusCode::OK;
        response.final_url = Some(ctx.url.to_string());
        let html = format!("<!doctype html><html><head><title>{number}</title></head><body>{links}<p>text</p></body></html>");
        response.content = Some(html.into_bytes());
        response
    }
}

async fn run_loop(pages: u64, at_once: usize) -> Value {
    let mut website = Website::new("http://h0.example/");
    website
        .with_concurrency_limit(Some(at_once))
        .with_depth(0)
        .with_normalize(false)
        .with_return_page_links(false)
        .with_remote_fetcher(Tree { pages });
    let mut website = website.build().expect("a URL");
    let mut received = website.subscribe((2 * pages as usize).next_power_of_two());
    let (began, cpu) = (Instant::now(), cpu_s());
    website.crawl().await;
    let (wall, cpu) = (began.elapsed(), cpu_s() - cpu);
    website.unsubscribe();
    drop(website);
    let mut count = 0u64;
    while received.recv().await.is_ok() {
        count += 1;
    }
    json!({
        "program": "spider 2.52.4",
        "settings": {"mode": "loop", "with_concurrency_limit": at_once, "links a page": FAN_OUT},
        "decisions": count, "wall_s": wall.as_secs_f64(), "cpu_s": cpu,
    })
}

/// CPU time of this process so far, all threads.
fn cpu_s() -> f64 {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}
