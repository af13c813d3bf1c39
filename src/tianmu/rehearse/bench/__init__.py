"""The measurements of ``tianmu bench``, and the load of one as a peer is given it."""
