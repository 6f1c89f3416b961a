//! The global allocator of this executable, chosen by a feature. With two such features, it does not compile.

#[cfg(feature = "ring3")]
#[global_allocator]
static ALLOCATOR: ring3::heap::Heap = ring3::heap::Heap::new();

#[cfg(any(feature = "mimalloc3", feature = "mimalloc2"))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[cfg(feature = "snmalloc")]
#[global_allocator]
static ALLOCATOR: snmalloc_rs::SnMalloc = snmalloc_rs::SnMalloc;

#[cfg(feature = "rpmalloc")]
#[global_allocator]
static ALLOCATOR: rpmalloc::RpMalloc = rpmalloc::RpMalloc;

#[cfg(feature = "glibc")]
#[global_allocator]
static ALLOCATOR: std::alloc::System = std::alloc::System;

#[cfg(feature = "dlmalloc")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// Configured as in talc's own example for a program with std: it takes memory from glibc, a MiB at a time.
#[cfg(feature = "talc")]
#[global_allocator]
static ALLOCATOR: talc::TalcLock<
    spinning_top::RawSpinlock,
    talc::source::GlobalAllocSource<std::alloc::System>,
> = talc::TalcLock::new(talc::source::GlobalAllocSource::new(std::alloc::System));
