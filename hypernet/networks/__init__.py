"""Networks: the hypernetworks and their parts as torch modules."""
