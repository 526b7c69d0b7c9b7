//! Packets and tunnels for the tests of this folder.
