using QuantCluster.Numerics;

namespace QuantCluster.Tests.Numerics;

public class PackedInt4Tests
{
    [Fact]
    public void The_first_of_two_lies_in_the_low_four_bits()
    {
        byte[] packed = new byte[2];
        PackedInt4.Pack((sbyte[])[1, -2, 7], packed);
        Assert.Equal<byte>([0xE1, 0x07], packed);
    }

    [Fact]
    public void Every_integer_comes_back_at_odd_and_even_lengths()
    {
        foreach (int length in new[] { 0, 1, 16, 17 })
        {
            sbyte[] signed = [.. Enumerable.Range(0, length).Select(i => (sbyte)((i % 16) - 8))], signedBack = new sbyte[length];
            byte[] unsigned = [.. Enumerable.Range(0, length).Select(i => (byte)(i % 16))], unsignedBack = new byte[length];
            byte[] packed = new byte[PackedInt4.ByteCount(length)];
            PackedInt4.Pack(signed, packed);
            PackedInt4.Unpack(packed, signedBack);
            Assert.Equal(signed, signedBack);
            PackedInt4.Pack(unsigned, packed);
            PackedInt4.Unpack(packed, unsignedBack);
            Assert.Equal(unsigned, unsignedBack);
        }
    }
}
