//! Bodies of fuzz targets: any bytes in, no panic, and everything adds up.
