// The numbers of a row's image depend on the seed, the epoch and the row's place in the data alone: rows are the same in memory
// and streamed, on every device and for any number of threads.
//
// A pixel p of the changed image, in pixels from the image's centre with rows downward, shows what was at
//
//   q = M · R(−a) · (p − d) / s
//
// d is the shift, s the zoom, R(a) the clockwise rotation by a, and M mirrors columns where the image is flipped.

using System.Buffers;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Rows;

/// <summary>What is drawn for one image.</summary>
/// <param name="Down">d: rows of pixels that it is moved down by.</param>
/// <param name="Right">d: columns of pixels that it is moved right by.</param>
/// <param name="Angle">a, in radians.</param>
/// <param name="Scale">s: what its sides are multiplied by.</param>
/// <param name="IsFlipped">Whether it is mirrored left to right.</param>
internal readonly record struct ImageChange(int Down, int Right, double Angle, double Scale, bool IsFlipped)
{
    /// <summary>Whether pixels are copied as they are.</summary>
    public bool KeepsPixels => Angle == 0 && Scale == 1;
}

/// <summary>Changes the images of training rows, anew in each epoch.</summary>
internal sealed class Augmenter
{
    private readonly ImageAugmentation _augmentation;
    private readonly ImageShape _image;
    private readonly ulong _seed;

    /// <param name="augmentation">How images are changed.</param>
    /// <param name="image">Their shape; null where features are no image.</param>
    /// <param name="features">Number of features.</param>
    /// <param name="seed">Everything random follows from it.</param>
    /// <exception cref="ArgumentException">The features are no image, or one of another shape.</exception>
    public Augmenter(ImageAugmentation augmentation, ImageShape? image, int features, ulong seed)
    {
        _augmentation = augmentation;
        _seed = seed;
        _image =
            image
            ?? throw new ArgumentException(
                "Augmentation changes images, and the features have no image's shape: set Image, or read a column with the dimensions of an image."
            );
        if (image.Size != features)
            throw new ArgumentException(
                $"Image: an image of {image} has {image.Size} numbers, and there are {features} features."
            );
    }

    /// <summary>What is drawn for a row in an epoch.</summary>
    /// <param name="row">The row's place in the data, from 0.</param>
    /// <param name="epoch">The epoch, from 1.</param>
    public ImageChange Draw(int row, int epoch)
    {
        (uint down, uint right, uint angle, uint scale) = Philox.Generate(
            (uint)row,
            (uint)epoch,
            RandomStreams.Augmentation,
            uint.MaxValue,
            _seed
        );
        return new ImageChange(
            Whole(down, _augmentation.VerticalShift),
            Whole(right, _augmentation.HorizontalShift),
            Real(angle, _augmentation.Rotation) * Math.PI / 180,
            1 + Real(scale, _augmentation.Zoom),
            // Uniform numbers are the upper bits of a word.
            _augmentation.HorizontalFlip
                && (down & 1) == 1
        );

        // −limit to limit.
        static int Whole(uint word, int limit) => (int)Math.Floor(Philox.ToUniform(word) * (2.0 * limit + 1)) - limit;

        static double Real(uint word, double limit) => (2.0 * Philox.ToUniform(word) - 1) * limit;
    }

    /// <summary>Writes an image as it is after a change.</summary>
    /// <param name="change">The change.</param>
    /// <param name="source">The image.</param>
    /// <param name="destination">As many numbers, elsewhere.</param>
    public void Apply(in ImageChange change, ReadOnlySpan<float> source, Span<float> destination)
    {
        if (change.KeepsPixels)
            Move(change, source, destination);
        else
            Interpolate(change, source, destination);
    }

    private void Move(in ImageChange change, ReadOnlySpan<float> source, Span<float> destination)
    {
        int lastRow = _image.Height - 1;
        int lastColumn = _image.Width - 1;
        (int perRow, int perColumn, int perChannel) = Steps;
        for (int row = 0; row <= lastRow; row++)
        {
            int fromRow = Math.Clamp(row - change.Down, 0, lastRow) * perRow;
            for (int column = 0; column <= lastColumn; column++)
            {
                int fromColumn = Math.Clamp(column - change.Right, 0, lastColumn);
                int from = fromRow + (change.IsFlipped ? lastColumn - fromColumn : fromColumn) * perColumn;
                int to = row * perRow + column * perColumn;
                for (int channel = 0; channel < _image.Channels; channel++)
                    destination[to + channel * perChannel] = source[from + channel * perChannel];
            }
        }
    }

    private void Interpolate(in ImageChange change, ReadOnlySpan<float> source, Span<float> destination)
    {
        int lastRow = _image.Height - 1;
        int lastColumn = _image.Width - 1;
        double centreRow = lastRow / 2.0;
        double centreColumn = lastColumn / 2.0;
        double cosine = Math.Cos(change.Angle) / change.Scale;
        double sine = Math.Sin(change.Angle) / change.Scale;
        double mirror = change.IsFlipped ? -1 : 1;
        (int perRow, int perColumn, int perChannel) = Steps;
        for (int row = 0; row <= lastRow; row++)
        {
            double y = row - centreRow - change.Down;
            for (int column = 0; column <= lastColumn; column++)
            {
                double x = column - centreColumn - change.Right;
                double fromRow = Math.Clamp(centreRow + cosine * y - sine * x, 0, lastRow);
                double fromColumn = Math.Clamp(centreColumn + mirror * (cosine * x + sine * y), 0, lastColumn);
                int top = (int)fromRow;
                int left = (int)fromColumn;
                float below = (float)(fromRow - top);
                float beside = (float)(fromColumn - left);
                int from = top * perRow + left * perColumn;

                // At the last row or column there is no next one, and it weighs nothing.
                int down = top < lastRow ? perRow : 0;
                int right = left < lastColumn ? perColumn : 0;
                int to = row * perRow + column * perColumn;
                for (int channel = 0; channel < _image.Channels; channel++)
                {
                    float upper = source[from] + beside * (source[from + right] - source[from]);
                    float lower = source[from + down] + beside * (source[from + down + right] - source[from + down]);
                    destination[to] = upper + below * (lower - upper);
                    from += perChannel;
                    to += perChannel;
                }
            }
        }
    }

    // From a number to the one below it, beside it, and of the next channel.
    private (int Row, int Column, int Channel) Steps =>
        _image.Interleaved
            ? (_image.Width * _image.Channels, _image.Channels, 1)
            : (_image.Width, 1, _image.Height * _image.Width);

    /// <summary>Rows as they are learned from in an epoch.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="epoch">The epoch, from 1.</param>
    public RowSource InEpoch(RowSource rows, int epoch) =>
        rows is RowsInMemory inMemory
            ? new RowsInMemory(Of(inMemory.Rows, epoch, null))
            : new StreamedEpoch(this, rows, epoch);

    private LabeledRows Of(LabeledRows rows, int epoch, int[]? places) =>
        rows with
        {
            Features = new AugmentedFeatureMatrix(this, rows.Features, epoch, places),
            IsTransient = true,
        };

    /// <summary>Rows that are changed whenever they are copied.</summary>
    private sealed class AugmentedFeatureMatrix : FeatureMatrix
    {
        private readonly Augmenter _augmenter;
        private readonly FeatureMatrix _features;
        private readonly int _epoch;
        private readonly int[]? _places;

        /// <param name="augmenter">Changes images.</param>
        /// <param name="features">The rows.</param>
        /// <param name="epoch">The epoch.</param>
        /// <param name="places">The place of each row in the data; null where it is the row's own.</param>
        public AugmentedFeatureMatrix(Augmenter augmenter, FeatureMatrix features, int epoch, int[]? places)
            : base(features.FeatureCount)
        {
            _augmenter = augmenter;
            _features = features;
            _epoch = epoch;
            _places = places;
            RowCount = features.RowCount;
        }

        public override void CopyRow(int row, Span<float> destination)
        {
            float[] rented = ArrayPool<float>.Shared.Rent(FeatureCount);
            Span<float> image = rented.AsSpan(0, FeatureCount);
            _features.CopyRow(row, image);
            _augmenter.Apply(_augmenter.Draw(_places is null ? row : _places[row], _epoch), image, destination);
            ArrayPool<float>.Shared.Return(rented);
        }

        public override void Add(in RowValues row, int nonZeros) => throw Unchanging();

        public override ulong HashOfLastRow() => throw Unchanging();

        public override void Clear() => throw Unchanging();

        private static NotSupportedException Unchanging() => new("Rows are changed as they are, and none is added.");
    }

    /// <summary>Streamed rows, of which those that are in memory are known by where in the block they are.</summary>
    private sealed class StreamedEpoch(Augmenter augmenter, RowSource rows, int epoch) : RowSource
    {
        public override int RowCount => rows.RowCount;

        public override int FeatureCount => rows.FeatureCount;

        public override int ClassCount => rows.ClassCount;

        public override bool HasDifferentLabels => rows.HasDifferentLabels;

        public override IEnumerable<RowBatch> Batches(int[]? order, int batchSize)
        {
            LabeledRows? block = null;
            LabeledRows? augmented = null;
            int[] places = [];
            int next = 0;
            foreach (RowBatch batch in rows.Batches(order, batchSize))
            {
                // An object for each content, as there is of what is augmented.
                if (!ReferenceEquals(batch.Rows, block))
                {
                    block = batch.Rows;
                    places = new int[block.RowCount];
                    augmented = augmenter.Of(block, epoch, places);
                }
                foreach (int index in batch.Indices.Span)
                {
                    places[index] = order is null ? next : order[next];
                    next++;
                }
                yield return batch with
                {
                    Rows = augmented!,
                };
            }
        }

        public override void Shuffle(int[] order, RandomStream random) => rows.Shuffle(order, random);
    }
}

/// <summary>Rows that are learned from as they are in each epoch, and are what they are for everything else.</summary>
/// <param name="rows">The rows as they are.</param>
/// <param name="inEpoch">The same rows in an epoch, from 1.</param>
internal sealed class EpochwiseRows(RowSource rows, Func<int, RowSource> inEpoch) : RowSource
{
    /// <summary>The rows as they are.</summary>
    public RowSource Rows => rows;

    public override int RowCount => rows.RowCount;

    public override int FeatureCount => rows.FeatureCount;

    public override int ClassCount => rows.ClassCount;

    public override bool HasDifferentLabels => rows.HasDifferentLabels;

    public override IEnumerable<RowBatch> Batches(int[]? order, int batchSize) => rows.Batches(order, batchSize);

    public override void Shuffle(int[] order, RandomStream random) => rows.Shuffle(order, random);

    public override RowSelection Select(int[] chosen) => rows.Select(chosen);

    public override RowSource InEpoch(int epoch) => inEpoch(epoch);
}
