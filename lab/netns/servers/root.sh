#!/bin/bash
# root.sh DIRECTORY: takes packages apart into it. Standard input: the source, the packages, those that come without what
# they depend on, then settings for apt. Nothing of a package is run, so this takes seconds where an installation takes minutes.
set -euo pipefail
root=$1
read -r source
read -r packages
read -r alone
apt=$root/apt
mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/none"
: >"$apt/status"
echo "$source" >"$apt/sources"
{
  cat <<END
Dir::State "$apt";
Dir::State::Lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt";
Dir::Cache::archives "$apt/archives";
Dir::Cache::pkgcache "";
Dir::Etc::SourceList "$apt/sources";
Dir::Etc::SourceParts "$apt/none";
Dir::Etc::PreferencesParts "$apt/none";
Acquire::Languages "none";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Debug::NoLocking "true";
END
  cat
} >"$apt/conf"
export APT_CONFIG=$apt/conf DEBIAN_FRONTEND=noninteractive
apt-get -qq update
# What no server here needs, and what is largest: compilers, drivers of displays, languages, interpreters.
unneeded='^(libllvm|libgl1-mesa|libz3|python3|libpython3-|libpython3.11-stdlib|samba-common-bin|perl-modules|libc-l10n|locales|ssl-cert|fonts-dejavu|postgresql-client-1)'
# shellcheck disable=SC2086
needed=$(apt-get -qq -s install $packages | awk '/^Inst / { print $2 }' | grep -vE "$unneeded")
# shellcheck disable=SC2086
(cd "$apt/archives" && apt-get -qq download $needed $alone)

for dir in bin sbin lib lib64; do
  mkdir -p "$root/usr/$dir"
  ln -s "usr/$dir" "$root/$dir"
done
find "$apt/archives" -name '*.deb' |
  xargs -P 4 -I{} sh -c 'dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" --keep-directory-symlink \
    --exclude="./usr/share/doc*" --exclude="./usr/share/man*" --exclude="./usr/share/locale*" --exclude="./usr/share/i18n*" \
    --exclude="./usr/share/squid-langpack*" --exclude="./usr/lib/postgresql/*/lib/bitcode*"' sh {} "$root"
for deb in "$apt"/archives/*.deb; do dpkg-deb --show --showformat '${Package} ${Version}\n' "$deb"; done >"$root/etc/lab-versions"
rm -rf "$apt"

mkdir -p "$root"/{proc,sys,dev,run,tmp,mnt,root,home,var/tmp,var/run}
chmod 1777 "$root/tmp" "$root/var/tmp"
rm -rf "$root/var/run" && ln -s /run "$root/var/run"
cp "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd"
cp "$root/usr/share/base-passwd/group.master" "$root/etc/group"
# What the scripts of packages would have done, as far as a server here needs it.
ln -sf bash "$root/usr/bin/sh"
ldconfig -r "$root"
