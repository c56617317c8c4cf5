//! What is left behind in memory: freed blocks and the dead part of the stack, both overwritten.
//!
//! Libraries copy what they are given, and free it as it is. So every block is overwritten where it is freed,
//! whoever held it; what still holds a password then is what still needs it.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};

/// How deep a call may have gone that had a secret in hand: key derivation and the building of requests stay far
/// above.
const DEEPEST: usize = 64 * 1024;

/// The system's allocator, which overwrites what is freed.
struct Wiping;

// Miri watches its own allocator, and knows no explicit_bzero.
#[cfg_attr(not(miri), global_allocator)]
#[cfg_attr(miri, expect(dead_code))]
static ALLOCATOR: Wiping = Wiping;

// SAFETY: every call is passed on to the system's allocator with the same layout, so its guarantees hold here. A block
// that grows or shrinks moves through `alloc` and `dealloc`: that is the trait's own `realloc`.
unsafe impl GlobalAlloc for Wiping {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller promises of the layout what the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as in `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block belongs to nobody any more, is `layout.size()` bytes long, and came from the system's
        // allocator with this layout, as the caller promises.
        unsafe {
            libc::explicit_bzero(block.cast(), layout.size());
            System.dealloc(block, layout);
        }
    }
}

/// Overwrites the part of the stack that returned calls have used, and where their secrets may still stand. To be
/// called before a wait, in the function that waits or close above it.
#[inline(never)]
pub fn wipe_dead_stack() {
    let mut dead = [0u8; DEEPEST];
    std::hint::black_box(&mut dead);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Leaves a mark on the stack and tells where.
    #[inline(never)]
    fn leave() -> *const u8 {
        let mut left = [0xA5u8; 64];
        std::hint::black_box(&mut left).as_ptr()
    }

    #[test]
    fn what_a_returned_call_left_on_the_stack_is_gone() {
        let place = leave();
        wipe_dead_stack();
        // SAFETY: the address lies in this thread's stack, below its live part; the byte is read as it is.
        assert_ne!(unsafe { place.read_volatile() }, 0xA5);
    }
}
