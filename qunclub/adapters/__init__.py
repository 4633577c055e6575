"""Outside parts behind the kernel's ports."""
