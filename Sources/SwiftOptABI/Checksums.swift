import CSwiftOpt
import SwiftOptEngine

@c @implementation
public func so_checksum(
  _ data: UnsafeRawPointer?, _ size: Int64, _ seed: UInt64,
  _ checksum: UnsafeMutablePointer<UInt64>
) -> so_status {
  guard size >= 0, size <= maximumSize else { return failSize(size) }
  if size == 0 {
    checksum.pointee = XXH64.checksum(checksum, count: 0, seed: seed)
    return so_status(SO_OK)
  }
  guard let data else { return fail(.plan("data is NULL")) }
  checksum.pointee = XXH64.checksum(data, count: Int(size), seed: seed)
  return so_status(SO_OK)
}

@c @implementation
public func so_checksum_blocks(
  _ data: UnsafeRawPointer?, _ size: Int64, _ block_size: Int64,
  _ checksums: UnsafeMutablePointer<UInt64>?
) -> so_status {
  guard size >= 0, size <= maximumSize else { return failSize(size) }
  guard block_size >= 1, block_size <= maximumSize else {
    return fail(.argument("block_size", Double(block_size), "in 1 ... 2^60"))
  }
  if size == 0 { return so_status(SO_OK) }
  guard let data else { return fail(.plan("data is NULL")) }
  guard let checksums else { return fail(.plan("checksums is NULL")) }
  BlockChecksums(data: data, size: size, blockSize: block_size, checksums: checksums).run()
  return so_status(SO_OK)
}

private var maximumSize: Int64 { 1 << 60 }

private func failSize(_ size: Int64) -> so_status {
  fail(.argument("size", Double(size), "in 0 ... 2^60"))
}
