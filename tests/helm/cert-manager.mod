module pullcheck.test/cert-manager

go 1.26.6

require github.com/cert-manager/cert-manager v1.21.2 // indirect
