using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Tests.Kernels;

[TestClass]
public unsafe class RowTileTests
{
    [TestMethod]
    public void A_tile_holds_what_is_not_zero_in_all_rows()
    {
        var random = new RandomStream(1, 2);
        for (int count = 1; count <= 70; count++)
            foreach (double density in new[] { 0, 0.02, 0.5, 1 })
            {
                int stride = count + 3;
                float[] rows = [.. Enumerable.Range(0, RowTile.Rows * stride).Select(_ => Number())];
                AssertPacked(rows, stride, count);

                float Number() => random.NextUniform() < density ? random.NextUniform() - 0.5f : 0;
            }
    }

    [TestMethod]
    public void Negative_zeros_are_zeros_and_what_is_not_finite_is_none()
    {
        const int Count = 5;
        float[] rows = new float[RowTile.Rows * Count];
        for (int row = 0; row < RowTile.Rows; row++)
            rows[row * Count + 1] = -0f;
        rows[31 * Count + 2] = float.NaN;
        rows[7 * Count + 3] = float.NegativeInfinity;
        rows[8 * Count + 4] = float.Epsilon;

        AssertPacked(rows, Count, Count);
    }

    private static void AssertPacked(float[] rows, int stride, int count)
    {
        var tile = new AlignedArray<float>(count * RowTile.Rows);
        int[] places = new int[count];
        int left;
        float** starts = stackalloc float*[RowTile.Rows];
        fixed (float* first = rows)
        fixed (int* place = places)
        {
            for (int row = 0; row < RowTile.Rows; row++)
                starts[row] = first + row * stride;
            left = RowTile.Pack(starts, count, tile.Pointer, place);
        }

        fixed (float* first = rows)
        {
            for (int row = 0; row < RowTile.Rows; row++)
                starts[row] = first + row * stride;
            var whole = new AlignedArray<float>(count * RowTile.Rows);
            Assert.AreEqual(count, RowTile.Pack(starts, count, whole.Pointer, null));
            float[] gathered = new float[count];
            for (int row = 0; row < RowTile.Rows; row++)
            {
                RowTile.Gather(whole.Pointer + row, gathered);
                CollectionAssert.AreEqual(rows[(row * stride)..][..count], gathered);
            }

            GC.KeepAlive(whole);
        }

        int[] expected =
        [
            .. Enumerable
                .Range(0, count)
                .Where(column => Enumerable.Range(0, RowTile.Rows).Any(row => rows[row * stride + column] != 0)),
        ];
        CollectionAssert.AreEqual(expected, places[..left]);
        for (int i = 0; i < left; i++)
        for (int row = 0; row < RowTile.Rows; row++)
            Assert.AreEqual(rows[row * stride + places[i]], tile.Span[i * RowTile.Rows + row]);
    }
}
