using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Scoring;

/// <summary>What a thread needs to score a block.</summary>
/// <remarks>
/// It does not know the scorer, which keeps it in a bag: what a thread has put into a bag is there until the thread ends where it
/// leads back to the bag.
/// </remarks>
/// <param name="featureCount">Number of features of a row.</param>
internal sealed unsafe class ScoringMemory(int featureCount)
{
    private AlignedArray<float> _numbers = new(0);
    private AlignedArray<float> _features = new(0);
    private AlignedArray<int> _places = new(0);
    private AlignedArray<int> _counts = new(0);

    /// <summary>Tiles of the block.</summary>
    public int TileCount { get; private set; }

    /// <summary>The numbers of the layers.</summary>
    public float* Numbers => _numbers.Pointer;

    /// <summary>The features of a tile that is not sparse: those it holds, × 32.</summary>
    public float* Features(int tile) => _features.Pointer + (nint)tile * featureCount * RowTile.Rows;

    /// <summary>Which features a tile holds.</summary>
    public int* Places(int tile) => _places.Pointer + (nint)tile * featureCount;

    /// <summary>How many features each tile holds; −1 for a sparse one, whose rows are aggregated each by itself.</summary>
    public int* Counts => _counts.Pointer;

    /// <summary>Turns the rows of a block into tiles.</summary>
    /// <param name="scorer">The scorer, always the same.</param>
    /// <param name="block">The block.</param>
    public void Load(NetworkScorer scorer, ScoringBlock block)
    {
        int tiles = RowTile.Count(block.RowCount);
        TileCount = tiles;
        if (tiles > _counts.Length)
        {
            _counts = new AlignedArray<int>(tiles);
            _places = new AlignedArray<int>(checked(tiles * featureCount));
            _features = new AlignedArray<float>(checked(tiles * featureCount * RowTile.Rows));
            _numbers = new AlignedArray<float>(
                checked((tiles * scorer.NumberCount + scorer.ScratchCount) * RowTile.Rows)
            );
        }

        for (int tile = 0; tile < tiles; tile++)
            Counts[tile] =
                scorer.ReadsAllFeatures ? block.Pack(tile, Features(tile), null)
                : block.IsSparse(tile) ? -1
                : block.Pack(tile, Features(tile), Places(tile));
    }
}
