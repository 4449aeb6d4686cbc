//! The network alone, by each kernel of this machine and by tract.
//!
//! `cargo bench --bench engine` measures; `cargo bench --bench engine -- --serve KERNEL THREADS` (or `tract`) answers counts on
//! stdin with the milliseconds of that many pictures, for `benches/peers/compare.py`.

use std::hint::black_box;
use std::io::BufRead;
use std::num::NonZeroUsize;
use std::time::Instant;

use criterion::Criterion;
use sonograde::infer::{self, Choice, Model, Runtime};

fn model(name: &str, threads: usize) -> Model {
    let kernel = infer::kernels().into_iter().find(|kernel| *kernel == name);
    let engine = if kernel.is_some() {
        Choice::Repvgg
    } else {
        Choice::Tract
    };
    let threads = NonZeroUsize::new(threads);
    Model::open(
        None,
        Runtime {
            engine,
            threads,
            kernel,
        },
    )
    .expect("the shipped model")
}

fn pixels(model: &Model) -> Vec<u8> {
    let mut random = oorandom::Rand32::new(7);
    (0..model.input_bytes())
        .map(|_| random.rand_u32() as u8)
        .collect()
}

fn serve(name: &str, threads: usize) {
    let model = model(name, threads);
    let pixels = pixels(&model);
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        let count: u32 = line.expect("a line").trim().parse().expect("a count");
        let time = |_| {
            let start = Instant::now();
            black_box(model.run(&pixels)).expect("a run");
            format!("{:.4}", start.elapsed().as_secs_f64() * 1e3)
        };
        println!("{}", (0..count).map(time).collect::<Vec<_>>().join(" "));
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, name, threads, ..] = &args[..]
        && flag == "--serve"
    {
        return serve(name, threads.parse().expect("a number of threads"));
    }
    let mut criterion = Criterion::default().configure_from_args();
    for name in infer::kernels().into_iter().chain(["tract"]) {
        let model = model(name, 1);
        let pixels = pixels(&model);
        criterion.bench_function(&format!("picture by {name}"), |b| {
            b.iter(|| model.run(black_box(&pixels)))
        });
    }
    criterion.final_summary();
}
