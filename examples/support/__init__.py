"""What the examples need beside their story: the data set, a rival and a figure."""
