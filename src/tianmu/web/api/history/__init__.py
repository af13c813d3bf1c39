"""Routes of the past of datastreams and areas."""
