using SkiaSharp;

namespace Images;

/// <summary>An image file and its class.</summary>
internal sealed class ImageFile
{
    /// <summary>Its full path.</summary>
    public string Path { get; set; } = "";

    /// <summary>The name of the folder that it is in.</summary>
    public string Label { get; set; } = "";
}

/// <summary>Image files in a folder for each class.</summary>
internal static class ImageFiles
{
    private static readonly string[] s_extensions = [".png", ".jpg", ".jpeg"];

    /// <summary>Finds all image files, in the order of their paths.</summary>
    /// <param name="folder">The folder of the classes' folders.</param>
    /// <exception cref="InvalidDataException">There are not two classes, or a file is no image.</exception>
    public static ImageFile[] Find(string folder)
    {
        if (!Directory.Exists(folder))
            throw new InvalidDataException($"{Path.GetFullPath(folder)} is no folder.");
        ImageFile[] files =
        [
            .. Directory
                .GetDirectories(folder)
                .SelectMany(directory => Directory.GetFiles(directory))
                .Where(path => s_extensions.Contains(Path.GetExtension(path).ToLowerInvariant()))
                .Order(StringComparer.Ordinal)
                .Select(path => new ImageFile
                {
                    Path = Path.GetFullPath(path),
                    Label = Path.GetFileName(Path.GetDirectoryName(path))!,
                }),
        ];
        if (files.Select(file => file.Label).Distinct().Count() < 2)
            throw new InvalidDataException(
                $"{Path.GetFullPath(folder)} needs a folder with PNG or JPEG files for each of at least two classes."
            );
        foreach (ImageFile file in files)
            Check(file.Path);
        return files;
    }

    /// <summary>Checks that a file can be read as an image, of which ML.NET says nothing.</summary>
    /// <exception cref="InvalidDataException">It cannot.</exception>
    public static void Check(string path)
    {
        if (!File.Exists(path))
            throw new InvalidDataException($"{path} is not there.");
        using SKCodec? codec = SKCodec.Create(path);
        if (codec is null)
            throw new InvalidDataException($"{path} cannot be read as an image: replace it, or take it away.");
    }
}
