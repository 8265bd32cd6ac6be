"""The family of autoencoders: each kind and each part on two tasks, and what decoder and bottleneck are for."""
