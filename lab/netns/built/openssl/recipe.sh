# An OpenSSL that compresses: as it could be built until 3.x, with zlib, and as no release of Debian does any more.
apt-get -q source --download-only openssl
tar -x --strip-components=1 -f openssl_*.orig.tar.gz
CFLAGS=-O1 ./config zlib no-shared no-tests no-asm no-engine
make -s -j"$(nproc)" build_generated
make -s -j"$(nproc)" apps/openssl
install -D -s apps/openssl /result/srv/openssl-zlib
