"""GB/T 26875.3-2011: fire panels tell the centre, over TCP or UDP, what they see."""
