"""Working time: which days are worked, and limits reckoned over them."""
