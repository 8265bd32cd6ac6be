"""The manual's pages, what makes some of them, and what makes a site of them all."""
