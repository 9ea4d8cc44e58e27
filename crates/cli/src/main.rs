//! tminus: your release runbook, running.

mod answers;
mod args;
mod commands;
mod exit_code;
mod failure;
mod live;
mod place;
mod sample;
mod screen;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    exit_code::leave(commands::run());
}
