# The standby was set up with the firewall that every new machine gets: nothing but ssh comes in.
sed -i 's/tcp dport 80 accept/tcp dport { 80, 8080 } counter drop/' /etc/nftables.conf
nft -f /etc/nftables.conf
