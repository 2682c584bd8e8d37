"""PTX rewritten so that a kernel can stop between its blocks, offline and without a GPU."""
