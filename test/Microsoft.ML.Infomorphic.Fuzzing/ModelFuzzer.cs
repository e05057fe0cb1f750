namespace Microsoft.ML.Infomorphic.Fuzzing;

/// <summary>Makes damaged model files from whole ones: the same file from the same seed and number.</summary>
/// <param name="archives">Whole model files.</param>
/// <param name="seed">The seed.</param>
internal sealed class ModelFuzzer(IReadOnlyList<ModelArchive> archives, int seed)
{
    /// <summary>A damaged file, or a damaged model without the file about it.</summary>
    /// <param name="Bytes">Its bytes.</param>
    /// <param name="IsFile">Whether it is a file.</param>
    public sealed record Case(byte[] Bytes, bool IsFile)
    {
        /// <summary>Tries the case.</summary>
        public Verdict Try() => IsFile ? Trial.OfFile(Bytes) : Trial.OfModel(Bytes);
    }

    /// <summary>Makes a case.</summary>
    /// <param name="number">Its number.</param>
    public Case Make(int number)
    {
        var random = new Random(HashCodeOf(seed, number));
        ModelArchive archive = archives[random.Next(archives.Count)];
        switch (random.Next(20))
        {
            case 0:
                return new Case(Mutation.Apply(random, archive.File), IsFile: true);
            case 1:
                return new Case(
                    // Of the entries that ML.NET reads some make it hang, and only their checksums guard them.
                    archive.WithModelEntry(content => Mutation.Apply(random, content)),
                    IsFile: true
                );
            case 2:
                byte[] model = Mutation.Apply(random, archive.Model, keepLength: true);
                ModelArchive.Sign(model);
                return new Case(archive.WithModel(model), IsFile: true);
            default:
                // Reading a model alone is quick, so that most cases are of this kind.
                byte[] alone = Mutation.Apply(random, archive.Model);
                ModelArchive.Sign(alone);
                return new Case(alone, IsFile: false);
        }
    }

    // HashCode.Combine differs from process to process.
    private static int HashCodeOf(int seed, int number) => unchecked((int)((uint)seed * 2654435761u) ^ number);
}
