"""fuge's DNS server: packets, names, answers, and the sockets."""
