package residency

import corev1 "k8s.io/api/core/v1"

// source is what a volume says of where it comes from, whoever writes it.
type source struct {
	// driver is the CSI driver, or the in-tree name; empty for a source that nobody knows.
	driver string
	handle string
	// attributes of a CSI volume.
	attributes map[string]string
	// servers that it names.
	servers []string
}

// sourceOf reads the source of a PersistentVolume.
func sourceOf(v *corev1.PersistentVolumeSource) source {
	switch {
	case v.CSI != nil:
		return source{driver: v.CSI.Driver, handle: v.CSI.VolumeHandle, attributes: v.CSI.VolumeAttributes}
	case v.Local != nil:
		return ofDisk("local-volume", "")
	case v.HostPath != nil:
		return ofDisk("host-path", "")
	case v.NFS != nil:
		return ofServers("nfs", v.NFS.Server)
	case v.ISCSI != nil:
		return ofServers("iscsi", append([]string{v.ISCSI.TargetPortal}, v.ISCSI.Portals...)...)
	case v.CephFS != nil:
		return ofServers("cephfs", v.CephFS.Monitors...)
	case v.RBD != nil:
		return ofServers("rbd", v.RBD.CephMonitors...)
	case v.AWSElasticBlockStore != nil:
		return ofDisk("aws-ebs", v.AWSElasticBlockStore.VolumeID)
	case v.GCEPersistentDisk != nil:
		return ofDisk("gce-pd", v.GCEPersistentDisk.PDName)
	case v.AzureDisk != nil:
		return ofDisk("azure-disk", v.AzureDisk.DataDiskURI)
	case v.AzureFile != nil:
		return ofDisk("azure-file", v.AzureFile.ShareName)
	case v.Cinder != nil:
		return ofDisk("cinder", v.Cinder.VolumeID)
	case v.VsphereVolume != nil:
		return ofDisk("vsphere-volume", v.VsphereVolume.VolumePath)
	default:
		return source{driver: unread(v)}
	}
}

// unread names the sources that say no place, and that no driver of the list stands for.
func unread(v *corev1.PersistentVolumeSource) string {
	for name, is := range map[string]bool{"fc": v.FC != nil, "glusterfs": v.Glusterfs != nil, "flexvolume": v.FlexVolume != nil, "quobyte": v.Quobyte != nil, "scaleio": v.ScaleIO != nil,
		"storageos": v.StorageOS != nil, "portworx-volume": v.PortworxVolume != nil, "flocker": v.Flocker != nil, "photon-pd": v.PhotonPersistentDisk != nil} {
		if is {
			return inTree + name
		}
	}
	return ""
}

// inlineSource reads the source of a volume that a pod brings. What pods and PersistentVolumes write in one way is read
// as that of a PersistentVolume.
func inlineSource(v *corev1.VolumeSource) source {
	switch {
	case v.CSI != nil:
		return source{driver: v.CSI.Driver, attributes: v.CSI.VolumeAttributes}
	case v.ISCSI != nil:
		return ofServers("iscsi", append([]string{v.ISCSI.TargetPortal}, v.ISCSI.Portals...)...)
	case v.CephFS != nil:
		return ofServers("cephfs", v.CephFS.Monitors...)
	case v.RBD != nil:
		return ofServers("rbd", v.RBD.CephMonitors...)
	case v.AzureFile != nil:
		return ofDisk("azure-file", v.AzureFile.ShareName)
	case v.Cinder != nil:
		return ofDisk("cinder", v.Cinder.VolumeID)
	case v.Glusterfs != nil:
		return ofDisk("glusterfs", "")
	case v.FlexVolume != nil:
		return ofDisk("flexvolume", "")
	case v.ScaleIO != nil:
		return ofDisk("scaleio", "")
	case v.StorageOS != nil:
		return ofDisk("storageos", "")
	default:
		return sourceOf(&corev1.PersistentVolumeSource{NFS: v.NFS, AWSElasticBlockStore: v.AWSElasticBlockStore, GCEPersistentDisk: v.GCEPersistentDisk, AzureDisk: v.AzureDisk,
			VsphereVolume: v.VsphereVolume, FC: v.FC, Quobyte: v.Quobyte, PortworxVolume: v.PortworxVolume, Flocker: v.Flocker, PhotonPersistentDisk: v.PhotonPersistentDisk})
	}
}

// LiesWithThePod tells whether a volume is on the pod's node, comes from the API server or an image, or is a claim that
// is judged as such.
func LiesWithThePod(v *corev1.VolumeSource) bool {
	return v.EmptyDir != nil || v.HostPath != nil || v.ConfigMap != nil || v.Secret != nil || v.Projected != nil || v.DownwardAPI != nil ||
		v.Image != nil || v.GitRepo != nil || v.PersistentVolumeClaim != nil || v.Ephemeral != nil
}

func ofDisk(kind, handle string) source { return source{driver: inTree + kind, handle: handle} }

func ofServers(kind string, servers ...string) source {
	return source{driver: inTree + kind, servers: servers}
}
