"""What bits mean, and why a hit is one."""
