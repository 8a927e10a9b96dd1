"""What REST shows, by noun and field by field as OpenStack Trove documents it: structs, and what fills them."""
