"""From features to frames in the plane that stay put, so that the eye can follow a point while the network learns."""
